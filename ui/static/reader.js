// Opens the essay beside the chat at the quote that a citation names.
//
// A citation is a link "#cite-<doc>-<start>-<end>-<hash>"; the server cuts the text, so no offset
// is counted here. Everything shown is put in as text nodes.
(() => {
  "use strict";
  const told = JSON.parse(document.querySelector("script[data-words]").dataset.words);
  const words = told.reader;
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
  // Whoever opens a citation in another tab, or copies its address, gets the plain page that marks
  // the quote: the address stands in the link until the next touch of a key or the pointer.
  let away = null;
  function send(event) {
    const link = linkAt(event);
    const found = link && !(event.type === "click" && plain(event)) && CITE.exec(link.getAttribute("href"));
    if (!found) return;
    away = { link, href: link.getAttribute("href") };
    const [, doc, s, e, h] = found;
    link.classList.add("cite-away");
    link.setAttribute("href", `/read/${doc}?s=${s}&e=${e}&h=${h}#hit`);
  }
  function home() {
    away?.link.setAttribute("href", away.href);
    away?.link.classList.remove("cite-away");
    away = null;
  }
  for (const kind of ["pointerdown", "keydown"]) window.addEventListener(kind, home, true);
  for (const kind of ["click", "auxclick", "contextmenu"]) document.addEventListener(kind, send, true);

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    if (!peek.hidden && !panel) peek.hidden = true;
    else close();
  });

  // ---- opening and closing --------------------------------------------------------------------

  async function follow(link, href, from = null) {
    const found = CITE.exec(href) || READ.exec(href);
    if (!found) return;
    const [, doc, s, e, h] = found;
    const turn = ++asked;
    opener = { link, href };
    markActive(href);
    peek.hidden = true;
    open();
    turnTo(link, href);
    const address = `/api/passage?${new URLSearchParams({ doc, s, e, h, lang: told.lang })}`;
    try {
      const response = await fetch(address, { credentials: "omit" });
      if (response.status === 404 && turn === asked) return say(words.gone);
      if (!response.ok) throw new Error(String(response.status));
      const passage = await response.json();
      const page = `/read/${doc}?s=${s}&e=${e}&h=${h}&lang=${told.lang}#hit`;
      if (turn === asked) show({ ...passage, labels: told.labels[doc] ?? [] }, page, from);
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
      el(
        "header",
        {},
        el("div", { className: "reader-bar" }, heading, shut),
        el("div", { className: "reader-turn", hidden: true }),
      ),
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

  // Gradio may draw the answer anew while the essay is open: the mark is set again then.
  let active = null;
  function markActive(href) {
    active = href;
    for (const link of document.querySelectorAll("a.cite-active")) {
      link.classList.toggle("cite-active", link.getAttribute("href") === href);
      if (!link.matches(".cite-active")) link.removeAttribute("aria-current");
    }
    if (!href) return;
    for (const link of document.querySelectorAll(LINKS)) {
      if (link.getAttribute("href") !== href || link.matches(".cite-active")) continue;
      link.classList.add("cite-active");
      link.setAttribute("aria-current", "true");
    }
  }

  // ---- from one citation of the answer to the next --------------------------------------------

  function turnTo(link, href) {
    const bar = panel.querySelector(".reader-turn");
    const at = link.isConnected ? link : document.querySelector(`a[href="${CSS.escape(href)}"]`);
    const all = [...(at?.closest(".message-row")?.querySelectorAll(LINKS) ?? [])];
    const hrefs = [...new Set(all.map((one) => one.getAttribute("href")))];
    const n = hrefs.indexOf(href);
    bar.hidden = hrefs.length < 2 || n < 0;
    const place = words.cited.replace("{n}", n + 1).replace("{all}", hrefs.length);
    if (!bar.firstChild) {
      bar.append(step("previous", "‹"), el("span", { className: "reader-place" }), step("next", "›"));
    }
    bar.querySelector(".reader-place").textContent = place;
    for (const [name, to] of [["previous", hrefs[n - 1]], ["next", hrefs[n + 1]]]) {
      const button = bar.querySelector(`.reader-${name}`);
      // Still in reach of the keyboard at the end of the row: the focus stays where it is.
      button.setAttribute("aria-disabled", String(!to));
      button.onclick = () => {
        if (to) follow(all.find((one) => one.getAttribute("href") === to), to, button);
      };
    }
  }

  function step(name, sign) {
    const button = el("button", { type: "button", className: `reader-${name}`, title: words[name] });
    button.setAttribute("aria-label", words[name]);
    button.append(el("span", { textContent: sign, ariaHidden: "true" }));
    return button;
  }

  // ---- a glance at the quote, without opening the essay ---------------------------------------

  const peek = el("div", { id: "peek", hidden: true });
  peek.setAttribute("role", "tooltip");
  document.body.append(peek);
  let leaving = 0;
  let glanced = null;

  function glance(link) {
    clearTimeout(leaving);
    glanced = link;
    // The link's own title would say it a second time, and only to a mouse.
    link.dataset.quote ||= link.title;
    link.removeAttribute("title");
    if (!link.dataset.quote) return;
    link.setAttribute("aria-describedby", "peek");
    peek.textContent = link.dataset.quote;
    peek.hidden = false;
    const at = link.getBoundingClientRect();
    const own = peek.getBoundingClientRect();
    const left = Math.min(at.left, document.documentElement.clientWidth - own.width - 8);
    const above = at.top - own.height - 6;
    peek.style.left = `${Math.max(8, left)}px`;
    peek.style.top = `${above > 8 ? above : at.bottom + 6}px`;
  }
  const leave = () => {
    clearTimeout(leaving);
    leaving = setTimeout(() => { peek.hidden = true; }, 120); // long enough to move onto it
  };
  const CITES = 'a[href^="#cite-"]';
  for (const [come, go] of [["mouseover", "mouseout"], ["focusin", "focusout"]]) {
    document.addEventListener(come, (event) => {
      const link = event.target.closest?.(CITES);
      if (link) glance(link);
      else if (event.target === peek) clearTimeout(leaving);
    });
    document.addEventListener(go, (event) => {
      if (event.target.closest?.(CITES) || event.target === peek) leave();
    });
  }
  document.addEventListener("scroll", () => { peek.hidden = true; }, { capture: true, passive: true });

  new MutationObserver(() => {
    // An answer that is drawn anew takes its links away, and nothing says that they were left.
    if (!peek.hidden && !glanced.isConnected) peek.hidden = true;
    // A number is no name to hear.
    for (const link of document.querySelectorAll(`${CITES}:not([aria-label])`)) {
      link.setAttribute("aria-label", `${words.open}${link.textContent}`);
    }
    if (panel && active) markActive(active);
  }).observe(document.body, { subtree: true, childList: true });

  // ---- what the panel shows -------------------------------------------------------------------

  function say(text) {
    const body = panel.querySelector(".reader-body");
    body.replaceChildren(el("p", { className: "reader-notice", role: "status", textContent: text }));
    panel.querySelector("#reader-title").textContent = words.region;
  }

  function show(passage, page, from) {
    panel.querySelector("#reader-title").textContent = passage.title;
    panel.querySelector(".reader-about")?.remove();
    panel.querySelector(".reader-bar").after(about(passage, page));
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
    (from ?? mark).focus({ preventScroll: true });
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
    const who = [passage.speaker && words.says + passage.speaker, place(passage)].filter(Boolean);
    const links = [el("a", { href: page, target: "_blank", rel: "noopener", textContent: words.full })];
    if (/^https?:\/\//.test(passage.url)) {
      const props = { href: passage.url, target: "_blank", rel: "noopener noreferrer" };
      links.push(el("a", { ...props, textContent: words.original }));
    }
    return el(
      "div",
      { className: "reader-about" },
      el("p", { className: "reader-who", textContent: who.join(" · ") }),
      el("p", { textContent: facts.join(" · ") }),
      el("p", {}, ...links.flatMap((link, i) => (i ? [" · ", link] : [link]))),
    );
  }

  function place({ paragraph, paragraphs }) {
    if (!paragraph) return "";
    return words.paragraph.replace("{n}", paragraph).replace("{all}", paragraphs);
  }

  // All lines that the quote touches become one block: the mark stays in one piece, and its text
  // is the quote exactly.
  function blocks({ title, before, hit, after, translation, labels }) {
    if (before.startsWith(`# ${title}\n`)) before = before.slice(title.length + 3); // the panel's own
    const block = (line) => blockOf(line, labels);
    const lines = (text) => text.split("\n").filter(Boolean).map(block);
    if (!hit) return lines(before + after);
    const from = before.lastIndexOf("\n") + 1;
    const upto = after.search(/\n|$/);
    const lead = block(before.slice(from));
    lead.append(el("mark", { id: "hit", tabIndex: -1, textContent: hit }), after.slice(0, upto));
    return [...lines(before.slice(0, from)), lead, ...ours(translation), ...lines(after.slice(upto))];
  }

  // The project's own words stand apart from the author's, and say whose they are.
  function ours(translation) {
    if (!translation) return [];
    const label = el("small", { textContent: words.ours });
    return [el("p", { className: "reader-ours", lang: told.lang }, translation, " ", label)];
  }

  function blockOf(line, labels) {
    const heading = /^(#{1,3}) +/.exec(line);
    const item = /^[-*] +/.exec(line);
    const number = /^(\d{1,2}[.、)])\s*/.exec(line);
    if (heading) return el(`h${Math.max(3, heading[1].length + 1)}`, {}, line.slice(heading[0].length));
    if (item) return el("p", { className: "item" }, line.slice(item[0].length));
    if (number) return el("p", { className: "numbered" }, line);
    const label = labels.find((one) => line.startsWith(one));
    if (label) return el("p", { className: "turn" }, el("b", {}, label), line.slice(label.length));
    return el("p", {}, line);
  }

  // A copied citation link opens its passage.
  if (CITE.test(location.hash)) follow(document.body, location.hash);
})();
