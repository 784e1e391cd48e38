// What can be done with an answer, and with the whole conversation: copy, judge, save, clear.
// Everything shown is put in as text nodes; what is copied and saved is read off the page.
(() => {
  "use strict";
  const told = JSON.parse(document.querySelector("script[data-words]").dataset.words);
  const words = told.chat;
  const CITE = /#cite-([a-z0-9_]+)-(\d+)-(\d+)-([0-9a-f]{8})$/;
  const READ = /\/read\/([a-z0-9_]+)\?s=(\d+)&e=(\d+)&h=([0-9a-f]{8})/;
  const THANKS_MS = 4000;

  const el = (tag, props = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), props);
    node.append(...children);
    return node;
  };
  const button = (name, text, act) => {
    const made = el("button", { type: "button", className: name, textContent: text });
    made.addEventListener("click", act);
    return made;
  };
  const rows = () => [...document.querySelectorAll("#chat .message-row")];

  // ---- reading an answer off the page ---------------------------------------------------------

  // As a person would write it down: numbers in brackets, no links, no marks.
  function plain(row) {
    const said = row.querySelector(".message-content").cloneNode(true);
    for (const extra of said.querySelectorAll(".sources, details")) extra.remove();
    for (const link of said.querySelectorAll("a[href^='#cite-']")) {
      link.replaceWith(`[${link.textContent.trim()}]`);
    }
    const blocks = [...said.querySelectorAll("p, li")].filter((one) => !one.querySelector("p"));
    const text = blocks.map((block) => {
      const mark = block.matches("li") ? "- " : block.closest("li") ? "- " : "";
      return mark + block.textContent.replaceAll("\u00a0", " ").trim();
    });
    return text.filter(Boolean).join("\n");
  }

  function sources(row) {
    return [...row.querySelectorAll(".sources > ul > li")].map((essay) => {
      const own = essay.cloneNode(true);
      own.querySelector("ul")?.remove();
      const original = own.querySelector("a[href^='http']")?.href ?? "";
      for (const link of own.querySelectorAll("a")) link.remove();
      const facts = own.textContent.split("·").map((fact) => fact.trim()).filter(Boolean);
      const quotes = [...essay.querySelectorAll("ul > li")].map((quote) => {
        const link = quote.querySelector("a[href^='#cite-']");
        const [, doc_id, start, end, hash] = CITE.exec(link.getAttribute("href"));
        const text = quote.textContent.replace(link.textContent, "").trim();
        return { n: Number(link.textContent), doc_id, start: +start, end: +end, hash, quote: text };
      });
      return { essay: facts.join(" · "), url: original, quotes };
    });
  }

  function passages(row) {
    const hrefs = [...row.querySelectorAll(".message-content a")].map((a) => a.getAttribute("href"));
    const found = hrefs.map((href) => CITE.exec(href) ?? (row.querySelector(".refused") && READ.exec(href)));
    return [...new Set(found.filter(Boolean).map(([, doc, s, e]) => `${doc}:${s}-${e}`))];
  }

  const status = (row) => (row.querySelector(".refused") ? "refused" : "answered");

  function question(row) {
    const before = rows();
    const at = before.indexOf(row);
    return before.slice(0, at).findLast((one) => one.matches(".user-row"))?.innerText.trim() ?? "";
  }

  function cited(row) {
    const lines = sources(row).flatMap(({ essay, url, quotes }) => [
      ...quotes.map(({ n, quote }) => `[${n}] ${quote}`),
      `    ${[essay, url].filter(Boolean).join(" · ")}`,
    ]);
    const heading = row.querySelector(".sources > p")?.textContent.trim();
    return lines.length ? ["", heading, ...lines].join("\n") : "";
  }

  // ---- under each answer ----------------------------------------------------------------------

  function tools(row) {
    const say = el("span", { className: "tools-said" });
    say.setAttribute("role", "status");
    const bar = el("div", { className: "tools" });
    bar.setAttribute("role", "group");
    bar.setAttribute("aria-label", words.tools);
    if (!row.querySelector(".failed")) {
      bar.append(
        button("copy", words.copy, async () => {
          await copied(`${plain(row)}\n${cited(row)}`.trim());
          said(say, words.copied);
        }),
        ...[["up", words.up], ["down", words.down], ["wrong_evidence", words.wrong]].map(
          ([verdict, text]) =>
            button(verdict, text, (event) => judge(row, bar, say, verdict, event.target)),
        ),
      );
    }
    // Gradio has these two under its last answer, as signs without words.
    const own = (at) => row.querySelectorAll(".message-buttons button")[at]?.click();
    bar.append(button("retry", words.retry, () => own(0)), button("edit", words.edit, () => own(1)));
    bar.append(say);
    return bar;
  }

  function said(place, text) {
    place.textContent = text;
    setTimeout(() => {
      if (place.textContent === text) place.textContent = "";
    }, THANKS_MS);
  }

  async function copied(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Away from localhost and https a page may only copy what is selected.
      const box = el("textarea", { value: text });
      document.body.append(box);
      box.select();
      document.execCommand("copy");
      box.remove();
    }
  }

  async function judge(row, bar, say, verdict, pressed) {
    for (const one of bar.querySelectorAll("[aria-pressed]")) one.removeAttribute("aria-pressed");
    pressed.setAttribute("aria-pressed", "true");
    bar.querySelector("form")?.remove();
    const sent = await send(row, verdict, "");
    said(say, sent ? words.thanks : words.not_kept);
    if (sent) bar.append(note(row, bar, say, verdict));
  }

  function note(row, bar, say, verdict) {
    const line = el("input", { type: "text", maxLength: 1000, placeholder: words.note });
    line.setAttribute("aria-label", words.note);
    const form = el("form", {}, line, el("button", { type: "submit", textContent: words.send }));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (!line.value.trim()) return;
      const sent = await send(row, verdict, line.value.trim());
      if (sent) form.remove();
      said(say, sent ? words.thanks : words.not_kept);
    });
    return form;
  }

  async function send(row, verdict, text) {
    const body = { verdict, question: question(row), status: status(row), passage_ids: passages(row) };
    if (text) body.note = text;
    try {
      const response = await fetch("/api/feedback", {
        method: "POST",
        credentials: "same-origin",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      return response.ok;
    } catch {
      return false;
    }
  }

  // ---- the whole conversation -----------------------------------------------------------------

  function turns() {
    return rows().filter((row) => row.matches(".bot-row")).map((row) => ({
      question: question(row),
      status: row.querySelector(".stopped") ? "stopped" : row.querySelector(".failed") ? "failed" : status(row),
      answer: plain(row),
      sources: sources(row),
    }));
  }

  // Nothing that was asked or quoted may become a heading, a link or a list of somebody's reader.
  const escaped = (text) => text.replace(/[\\`*_[\]#<>|~$]|^([-+=]|\d+(?=[.)]))/gm, "\\$&");

  function markdown() {
    const parts = turns().map((turn) => {
      const answer = escaped(turn.answer).replace(/\\\[(\d+)\\\]/g, "[$1]").replaceAll("\n", "\n\n");
      const quotes = turn.sources.flatMap(({ essay, url, quotes: all }) => [
        ...all.map(({ n, quote }) => `- [${n}] ${escaped(quote).replaceAll("\n", " ")}`),
        `  - ${escaped(essay)}${url ? ` <${url}>` : ""}`,
      ]);
      return [`## ${escaped(turn.question).replaceAll("\n", " ")}`, answer, quotes.join("\n")]
        .filter(Boolean).join("\n\n");
    });
    return `# Mentor\n\n${parts.join("\n\n")}\n`;
  }

  const json = () =>
    `${JSON.stringify({ v: 1, saved: new Date().toISOString(), lang: told.lang, turns: turns() }, null, 2)}\n`;

  function save(name, type, text) {
    const href = URL.createObjectURL(new Blob([text], { type }));
    el("a", { href, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(href), 1000);
  }

  function foot() {
    const bar = el("div", { id: "keeping" });
    const whole = el("span", { className: "whole", hidden: true });
    whole.append(
      `${words.kept} `,
      button("clear-all", words.clear, () => document.querySelector("#chat .top-panel button")?.click()),
      ` ${words.save} `,
      button("save-markdown", "Markdown", () => save("mentor.md", "text/markdown", markdown())),
      button("save-json", "JSON", () => save("mentor.json", "application/json", json())),
    );
    bar.append(el("span", { className: "ai", textContent: words.ai }), whole);
    return bar;
  }

  // ---- putting it in its place: Gradio draws its rows anew whenever it likes --------------------

  function place() {
    const group = document.querySelector("#question")?.closest(".column > *");
    if (group && !document.getElementById("beside")) group.before(el("div", { id: "beside" }));
    if (group && !document.getElementById("keeping")) group.after(foot());
    const all = rows();
    const whole = document.querySelector("#keeping .whole");
    if (whole && whole.hidden !== !all.length) whole.hidden = !all.length;
    for (const row of all) {
      const done = row.matches(".bot-row") && !row.querySelector(".growing");
      const old = row.querySelector(".tools");
      if (done && !old) row.querySelector(".flex-wrap").append(tools(row));
      if (!done && old) old.remove();
      row.querySelector(".tools")?.classList.toggle("last", row === all.at(-1));
    }
  }

  new MutationObserver(place).observe(document.body, { subtree: true, childList: true });
  place();
})();
