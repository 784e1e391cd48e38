// Opens the essay beside the chat at the quote that a citation names.
//
// A citation is a link "#cite-<doc>-<start>-<end>-<hash>"; the server cuts the text, so no offset
// is counted here. Everything shown is put in as text nodes.
(() => {
  "use strict";
  const script = document.currentScript || document.querySelector("script[data-words]");
  const words = JSON.parse(script.dataset.words);
  const CITE = /#cite-([a-z0-9_]+)-(\d+)-(\d+)-([0-9a-f]{8})$/;
  const READ = /\/read\/([a-z0-9_]+)\?s=(\d+)&e=(\d+)&h=([0-9a-f]{8})(?:#hit)?$/;
  const LINKS = 'a[href^="#cite-"], .refused a[href^="/read/"]';
  const SLACK = 10; // pixels a pointer may move and still be a click

  let panel = null; // the open <aside>
  let opener = null; // {link, href}: where the focus goes back
  let asked = 0; // the newest request wins

  const el = (tag, props = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), props);
    node.append(...children.filter((child) => child !== ""));
    return node;
  };

  // ---- which link was meant -------------------------------------------------------------------

  const linkAt = (event) => event.target.closest?.(LINKS) ?? null;
  const plain = (event) =>
    event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;

  // While an answer is streaming its links are replaced, and a slow click never becomes one: the
  // link is kept when the pointer goes down and followed when it comes up.
  let down = null;
  let followed = { href: "", at: -Infinity };
  document.addEventListener("pointerdown", (event) => {
    const link = plain(event) && linkAt(event);
    down = link ? { link, href: link.getAttribute("href"), x: event.clientX, y: event.clientY } : null;
  }, true);
  document.addEventListener("pointercancel", () => { down = null; }, true);
  document.addEventListener("pointerup", (event) => {
    const near = down && Math.hypot(event.clientX - down.x, event.clientY - down.y) < SLACK;
    if (near) {
      followed = { href: down.href, at: event.timeStamp };
      follow(down.link, down.href);
    }
    down = null;
  }, true);
  // Keyboards and assistive technology send only a click.
  document.addEventListener("click", (event) => {
    const link = plain(event) && linkAt(event);
    if (!link) return;
    event.preventDefault();
    const href = link.getAttribute("href");
    if (href !== followed.href || event.timeStamp - followed.at > 700) follow(link, href);
  }, true);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && panel && !event.isComposing) close();
  });

  // ---- opening and closing --------------------------------------------------------------------

  async function follow(link, href) {
    const found = CITE.exec(href) || READ.exec(href);
    if (!found) return;
    const [, doc, s, e, h] = found;
    const turn = ++asked;
    opener = { link, href };
    markActive(href);
    open();
    const address = `/api/passage?${new URLSearchParams({ doc, s, e, h, lang: words.lang })}`;
    try {
      const response = await fetch(address, { credentials: "omit" });
      if (!response.ok) throw new Error(String(response.status));
      const passage = await response.json();
      if (turn === asked) show(passage, `/read/${doc}?s=${s}&e=${e}&h=${h}#hit`);
    } catch {
      if (turn === asked) say(words.failed);
    }
  }

  function open() {
    if (panel) return;
    const heading = el("h2", { id: "reader-title", textContent: words.loading });
    const shut = el("button", { type: "button", className: "reader-close", title: words.close });
    shut.setAttribute("aria-label", words.close);
    shut.append(el("span", { textContent: "×", ariaHidden: "true" }));
    shut.addEventListener("click", close);
    panel = el(
      "aside",
      { id: "reader" },
      el("header", {}, el("div", { className: "reader-bar" }, heading, shut)),
      el("div", { className: "reader-body", tabIndex: 0 }),
    );
    panel.setAttribute("aria-labelledby", "reader-title");
    document.body.append(panel);
    document.body.classList.add("reader-open");
  }

  function close() {
    if (!panel) return;
    panel.remove();
    panel = null;
    asked += 1;
    document.body.classList.remove("reader-open");
    markActive(null);
    // Gradio may have drawn the answer anew since: then the same citation is another node.
    const { link, href } = opener;
    const back = link.isConnected ? link : document.querySelector(`a[href="${CSS.escape(href)}"]`);
    back?.focus({ preventScroll: true });
  }

  function markActive(href) {
    for (const link of document.querySelectorAll("a.cite-active")) {
      link.classList.remove("cite-active");
    }
    if (!href) return;
    for (const link of document.querySelectorAll(LINKS)) {
      if (link.getAttribute("href") === href) link.classList.add("cite-active");
    }
  }

  // ---- what the panel shows -------------------------------------------------------------------

  function say(text) {
    const body = panel.querySelector(".reader-body");
    body.replaceChildren(el("p", { className: "reader-notice", role: "status", textContent: text }));
    panel.querySelector("#reader-title").textContent = words.region;
  }

  function show(passage, page) {
    panel.querySelector("#reader-title").textContent = passage.title;
    panel.querySelector(".reader-about")?.remove();
    panel.querySelector("header").append(about(passage, page));
    const body = panel.querySelector(".reader-body");
    const article = el("article", { lang: passage.lang }, ...blocks(passage));
    const licence = el("p", { className: "reader-licence", textContent: passage.licence });
    body.replaceChildren(article, licence);
    if (passage.changed) {
      article.before(el("p", { className: "reader-notice", role: "status", textContent: words.changed }));
      body.scrollTop = 0;
      body.focus({ preventScroll: true });
      return;
    }
    const mark = article.querySelector("#hit");
    centre(body, mark);
    mark.focus({ preventScroll: true });
  }

  // Only the panel's own body scrolls: scrollIntoView would move the page under it as well.
  function centre(body, mark) {
    const box = mark.getBoundingClientRect();
    const frame = body.getBoundingClientRect();
    const room = Math.max(24, (frame.height - box.height) / 2);
    body.scrollTop += box.top - frame.top - room;
  }

  function about(passage, page) {
    const facts = [passage.author, passage.site, passage.date].filter(Boolean);
    if (passage.speaker) facts.unshift(words.says + passage.speaker);
    const links = [el("a", { href: page, target: "_blank", rel: "noopener", textContent: words.full })];
    if (/^https?:\/\//.test(passage.url)) {
      const props = { href: passage.url, target: "_blank", rel: "noopener noreferrer" };
      links.push(el("a", { ...props, textContent: words.original }));
    }
    return el(
      "div",
      { className: "reader-about" },
      el("p", { textContent: facts.join(" · ") }),
      el("p", {}, ...links.flatMap((link, i) => (i ? [" · ", link] : [link]))),
    );
  }

  // All lines that the quote touches become one block: the mark stays in one piece, and its text
  // is the quote exactly.
  function blocks({ title, before, hit, after }) {
    if (before.startsWith(`# ${title}\n`)) before = before.slice(title.length + 3); // the panel's own
    if (!hit) return lines(before + after);
    const from = before.lastIndexOf("\n") + 1;
    const upto = after.search(/\n|$/);
    const lead = block(before.slice(from));
    lead.append(el("mark", { id: "hit", tabIndex: -1, textContent: hit }), after.slice(0, upto));
    return [...lines(before.slice(0, from)), lead, ...lines(after.slice(upto))];
  }

  const lines = (text) => text.split("\n").filter(Boolean).map(block);

  function block(line) {
    const heading = /^(#{1,3}) +/.exec(line);
    const item = /^[-*] +/.exec(line);
    if (heading) return el(`h${heading[1].length + 2}`, {}, line.slice(heading[0].length));
    if (item) return el("p", { className: "item" }, line.slice(item[0].length));
    return el("p", {}, line);
  }

  // A copied citation link opens its passage.
  if (CITE.test(location.hash)) follow(document.body, location.hash);
})();
