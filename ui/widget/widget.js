// Mentor's widget: docs/widget.md. What others wrote becomes text nodes.
(() => {
  "use strict";
  if (window.Mentor?.version) return;
  const script = document.currentScript || document.querySelector("script[src*='/widget']");
  const data = script.dataset;
  const api = script.src.replace(/widget(\/v1)?\.js.*/, "");
  const { origin, host: server } = new URL(api);

  const WORDS = {
    launch: ["Ask %", "问 %", "問 %"],
    hello: ["What would you like to know?", "想问什么？", "想問什麼？"],
    kept: ["Questions go to %; the conversation stays in this tab.", "问题发给 %，对话只留在这个标签页。", "問題傳給 %，對話只留在這個分頁。"],
    clear: ["Clear", "清除", "清除"],
    label: ["Your question", "你的问题", "你的問題"],
    send: ["Ask", "提问", "提問"],
    stop: ["Stop", "停止", "停止"],
    close: ["Close", "关闭", "關閉"],
    searching: ["Searching the essays…", "正在查找…", "正在查找…"],
    slow: ["Still searching; busy right now…", "还在查找，有点忙…", "還在查找，有點忙…"],
    says: ["%:", "% 说：", "% 說："],
    read: ["Understood as: %", "理解为：%", "理解為：%"],
    left: ["Unproved sentences left out: %", "略去的没有依据的句子：%", "略去的沒有依據的句子：%"],
    ours: ["our translation", "本项目译", "本專案譯"],
    sources: ["Sources", "出处", "出處"],
    nearest: ["Nearest passages, not an answer", "最近的段落，不是答案", "最近的段落，不是答案"],
    next: ["You could ask", "可以问", "可以問"],
    quote: ["“%”", "「%」", "「%」"],
    cite: ["Quote %", "引文 %", "引文 %"],
    full: ["Full text", "全文", "全文"],
    original: ["Original page", "原网页", "原網頁"],
    copy: ["Copy with sources", "连同出处复制", "連同出處複製"],
    stopped: ["Stopped; this is not the whole answer.", "已停止，回答不完整。", "已停止，回答不完整。"],
    retry: ["Try again", "再试一次", "再試一次"],
    down: ["No connection to %. Your question is kept.", "连不上 %，你的问题还在。", "連不上 %，你的問題還在。"],
    many: ["Too many questions. Please wait a moment.", "问题太多了，请稍等一会儿。", "問題太多了，請稍等一會兒。"],
    busy: ["% is busy. Please wait a moment.", "% 很忙，请稍等一会儿。", "% 很忙，請稍等一會兒。"],
    denied: ["% is not open to this page yet.", "% 还没有为这个页面开通。", "% 還沒有為這個頁面開通。"],
    broken: ["Sorry, this failed; the fault is %'s.", "抱歉，问题出在 % 这边。", "抱歉，問題出在 % 這邊。"],
    back: ["Back", "返回", "返回"],
    changed: ["The essay has changed, so nothing is highlighted.", "文章改过，所以没有标出。", "文章改過，所以沒有標出。"],
    place: ["Paragraph %", "第 % 段", "第 % 段"],
  };

  const known = (tag = "") => [/^en\b/i, /^zh(?!.*(hant|tw|hk|mo)\b)/i, /^zh/i].findIndex((lang) => lang.test(tag));
  const at = [data.lang, document.documentElement.lang, ...navigator.languages].map(known).find((n) => n >= 0) || 0;
  const lang = ["en", "zh-CN", "zh-TW"][at];
  const w = Object.fromEntries(Object.entries(WORDS).map(([key, words]) => [key, words[at]]));
  const fill = (text, part) => text.replace("%", () => part);
  const title = data.title || "Mentor";
  const tongue = (text) => (/[\u3400-\u9fff]/.test(text) ? "zh" : "en");
  const cut = (text, n) => (text.length > n ? `${[...text].slice(0, n).join("")}…` : text).replace(/\s+/g, " ");

  // ---- nodes

  const wait = (ms) => new Promise((go) => setTimeout(go, ms));
  const some = (...nodes) => nodes.filter(Boolean);
  function el(tag, props, ...children) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(props || {})) {
      if (key.startsWith("on")) node[key] = value;
      else if (value != null) node.setAttribute(key, value);
    }
    node.append(...some(...children));
    return node;
  }
  const p = (kind, ...children) => el("p", { class: kind }, ...children);
  const button = (text, onclick, props) => el("button", { type: "button", onclick, ...props }, text);
  const sign = (text, label, onclick, props) => button(text, onclick, { class: "x", "aria-label": label, ...props });
  const link = (href, text, props) => el("a", { href, target: "_blank", rel: "noopener noreferrer", ...props }, text);
  const original = (url) => (/^https?:\/\//.test(url) ? [" · ", link(url, w.original)] : []);

  // The start of SHA-256, to name a quote; crypto.subtle needs https.
  const roots = [[], []];
  for (let n = 2; roots[1].length < 64; n++) {
    let d = 2;
    while (n % d) d++;
    if (d === n) roots.forEach((list, i) => list.push(((n ** (1 / (i + 2))) % 1) * 2 ** 32 | 0));
  }
  function hash(text) {
    const bytes = [...new TextEncoder().encode(text)];
    const size = bytes.length * 8;
    bytes.push(128, 0, 0, 0, 0);
    while (bytes.length % 64 !== 60) bytes.push(0);
    bytes.push(size >> 24, size >> 16, size >> 8, size);
    const block = new DataView(Uint8Array.from(bytes).buffer);
    let state = roots[0].slice(0, 8);
    const turn = (x, ...by) => by.reduce((sum, n) => sum ^ ((x >>> n) | (x << (32 - n))), 0);
    for (let from = 0; from < bytes.length; from += 64) {
      const m = [];
      let [a, b, c, d, e, f, g, h] = state;
      for (let i = 0; i < 64; i++) {
        const [x, y] = [m[i - 15], m[i - 2]];
        m[i] = i < 16 ? block.getInt32(from + i * 4)
          : (m[i - 16] + m[i - 7] + (turn(x, 7, 18) ^ (x >>> 3)) + (turn(y, 17, 19) ^ (y >>> 10))) | 0;
        const one = h + turn(e, 6, 11, 25) + ((e & f) ^ (~e & g)) + roots[1][i] + m[i];
        [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + turn(a, 2, 13, 22) + ((a & b) ^ (a & c) ^ (b & c))) | 0];
      }
      state = [a, b, c, d, e, f, g, h].map((v, i) => (v + state[i]) | 0);
    }
    return (state[0] >>> 0).toString(16).padStart(8, "0");
  }

  // ---- the frame

  const night = matchMedia("(prefers-color-scheme: dark)");
  const small = matchMedia("(max-width: 520px), (max-height: 480px)");
  const inline = data.target;
  const launcher = button(fill(w.launch, title), () => (card.hidden ? open() : close()), {
    class: "launcher", "aria-expanded": false, "aria-controls": "card",
  });
  const status = el("p", { role: "status", class: "unseen" });
  const wipe = button(w.clear, clear, { hidden: "" });
  const log = el("div", { class: "log", role: "group", "aria-labelledby": "title", tabindex: 0 });
  const box = el("textarea", {
    rows: 1, dir: "auto", "aria-label": w.label, placeholder: data.placeholder || w.label, enterkeyhint: "send", oninput: grow,
  });
  const send = button(w.send, () => (busy ? busy.abort() : ask(box.value)), { class: "send" });
  const reader = el("div", { class: "reader", role: "region", "aria-labelledby": "essay", hidden: "" });
  const main = el("div", { class: "main" },
    el("div", { class: "bar" }, el("h2", { id: "title" }, title), wipe, !inline && sign("×", w.close, close)),
    log,
    el("div", { class: "ask" }, box, send),
    p("soft kept", fill(w.kept, server)),
  );
  const card = el("div", {
    class: "card", id: "card", role: inline ? "region" : "dialog", "aria-labelledby": "title", hidden: inline ? null : "",
  }, main, reader, status);
  const all = el("div", { class: "all", lang, dir: "ltr" }, !inline && launcher, card);
  const host = el("mentor-widget");
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  root.adoptedStyleSheets = [sheet];
  root.append(all);

  // Words on the owner's accent, and in it, stay readable.
  function paint() {
    const light = (colour) => colour.reduce((sum, v, i) => sum + [0.2126, 0.7152, 0.0722][i] * (v / 255) ** 2.2, 0.05);
    const dark = data.theme === "dark" || (data.theme !== "light" && night.matches);
    const accent = (/^#[0-9a-f]{6}$/i.test(data.color) ? data.color : "#0f5c5c").match(/\w\w/g).map((pair) => parseInt(pair, 16));
    let words = accent;
    while (dark ? light(words) < 0.36 : light(words) > 0.18) words = words.map((v) => v * 0.9 + dark * 27); // 5 : 1 on --tint
    all.classList.toggle("dark", dark);
    all.style.setProperty("--accent", `rgb(${accent})`);
    all.style.setProperty("--on", light(accent) > 0.229 ? "#000" : "#fff");
    all.style.setProperty("--link", `rgb(${words})`);
  }

  function grow() {
    box.style.height = 0;
    box.style.height = `${box.scrollHeight + 2}px`;
  }

  // What covers the page or the answer keeps the focus.
  function fit() {
    card.ariaModal = small.matches && !inline ? "true" : null;
    main.inert = !reader.hidden && getComputedStyle(reader).position === "absolute";
  }

  function open(quietly) {
    card.hidden = false;
    launcher.setAttribute("aria-expanded", true);
    fit();
    if (!quietly) box.focus();
    if (!log.firstChild) welcome();
    fire("open");
  }

  function close() {
    if (inline || card.hidden) return;
    card.hidden = true;
    launcher.setAttribute("aria-expanded", false);
    launcher.focus();
    fire("close");
  }

  const gone = new AbortController();
  const { signal } = gone;
  const fire = (type, detail) => document.dispatchEvent(new CustomEvent(`mentor:${type}`, { detail }));

  // ---- what is kept, in this tab only

  const KEY = `mentor:${api}`;
  let turns = []; // [{q, a}]

  function keep() {
    try {
      turns[0] ? sessionStorage.setItem(KEY, JSON.stringify(turns.slice(-20))) : sessionStorage.removeItem(KEY);
    } catch {} // no storage here: kept until the page is left
  }

  function recall() {
    try {
      for (const { q, a } of JSON.parse(sessionStorage.getItem(KEY))) {
        showAnswer(newTurn(q), a);
        turns.push({ q, a });
      }
    } catch {
      if (!turns.length) log.replaceChildren();
    }
  }

  function clear() {
    busy?.abort();
    turns = [];
    keep();
    log.replaceChildren();
    wipe.hidden = true;
    leave();
    welcome();
    box.focus();
  }

  // ---- before the first question

  async function get(path) {
    const reply = await fetch(api + path, { credentials: "omit" });
    if (!reply.ok) throw reply;
    return reply.json();
  }

  async function welcome() {
    const intro = el("div", { class: "intro" }, p("lead", data.greeting || w.hello));
    log.append(intro);
    const { notes, questions } = await get(`api/widget?lang=${lang}`).catch(async (error) => ({ notes: [(await why(error)).text] }));
    const given = data.questions?.split("|").filter((q) => q.trim());
    intro.append(...notes.map((note) => p("soft", note)), ...choices("", given || questions));
  }

  const choices = (heading, questions = [], label = (q) => q) => questions.length ? [el("div", { class: "next" },
    heading && el("h4", null, heading), ...questions.map((q) => button(label(q), () => ask(q), { lang: tongue(q) })))] : [];

  // ---- asking

  let busy = null;

  function newTurn(question) {
    log.querySelector(".intro")?.remove();
    const body = el("div", { class: "a" });
    log.append(el("div", { class: "turn" }, el("h3", { class: "q", dir: "auto" }, question), body));
    wipe.hidden = false;
    return body;
  }

  // Gives the answer; null where none came whole.
  async function ask(question, body) {
    question = String(question).trim();
    if (!question || busy) return null;
    leave();
    body ||= newTurn(question);
    if (card.hidden) open();
    if (box.value.trim() === question) box.value = "";
    grow();
    const control = (busy = new AbortController());
    const line = p("soft waiting", w.searching);
    body.replaceChildren(line);
    status.textContent = w.searching;
    send.textContent = w.stop;
    log.scrollTop = body.parentNode.offsetTop - 12;
    box.focus({ preventScroll: true });
    const slow = setTimeout(() => (line.textContent = w.slow), 2500);
    let silence; // the server pings: a silent minute is a dead connection
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => control.abort("cut"), 6e4);
    };
    const said = [];
    const write = writer(body, said);
    let answer = null;
    try {
      heard();
      for (let tries = 2; !answer; ) {
        try {
          for await (const [event, value] of asked(question, control.signal, heard)) {
            if (event === "error") throw value;
            if (event === "answer") answer = value;
            if (event === "sentence") {
              line.remove();
              said.push(value);
              write(value);
            }
          }
          if (!answer) throw "cut";
        } catch (error) {
          // Who was to answer died, and another may: asked once more, if nothing was shown yet.
          const died = error === "cut" || [502, 504].includes(error.status);
          if (!died || said.length || control.signal.aborted || !--tries) throw error;
          await wait(500 + 1000 * Math.random());
        }
      }
      // A press ends where it began: nothing is drawn anew meanwhile.
      while (log.matches(":active")) await wait(50);
      finish(question, body, answer, said);
      fire("answer", { question, status: answer.status, answer });
    } catch (error) {
      answer = null;
      if (!body.isConnected) return null;
      const stopped = control.signal.aborted && control.signal.reason !== "cut";
      if (stopped) finish(question, body, { question, lead: "", sentences: said, stopped }, said);
      else await failed(error, question, body);
    } finally {
      clearTimeout(slow);
      clearTimeout(silence);
      if (busy === control) {
        busy = null;
        send.textContent = w.send;
      }
    }
    return answer;
  }

  async function* asked(question, signal, heard) {
    const reply = await fetch(`${api}api/chat`, {
      method: "POST",
      credentials: "omit",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ question, history: turns.slice(-10).map((turn) => turn.q) }),
      signal,
    });
    if (!reply.ok) throw reply;
    const stream = reply.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ""; ; ) {
      const { done, value } = await stream.read().catch(() => ({ done: true }));
      if (done) return;
      heard();
      const blocks = (text + value).split(/\r?\n\r?\n/);
      text = blocks.pop();
      for (const block of blocks) {
        const [, event, value] = /^event: ?(\w+)\r?\ndata: ?(.*)/m.exec(block) || [];
        if (event) yield [event, JSON.parse(value)];
      }
    }
  }

  function finish(question, body, answer, said) {
    const { hits, dropped, ...a } = answer;
    a.left = dropped?.length;
    turns.push({ q: question, a });
    JSON.stringify(said) === JSON.stringify(a.sentences) ? frame(body, a) : showAnswer(body, a);
    keep();
    const voices = a.sentences.map((s, i) => (s.speaker && s.speaker !== a.sentences[i - 1]?.speaker ? fill(w.says, s.speaker) : "") + s.text);
    status.textContent = some(a.lead, ...voices, a.asks, a.stopped && w.stopped).join(" ");
  }

  // ---- what went wrong

  let policy = "";
  document.addEventListener("securitypolicyviolation", (event) => {
    if (event.blockedURI.startsWith(origin)) policy = `Its policy needs: script-src ${origin}; connect-src ${origin}`;
  }, { signal });

  // `error`: a response, an error event, or what fetch throws.
  async function why(error) {
    let kind = { 401: "denied", 403: "denied", 429: "many", 503: "busy" }[error.status] || (error.status ? "broken" : "down");
    const told = error.error || (await error.json?.().catch(() => ""))?.error;
    if (error instanceof TypeError) {
      const probe = { method: "HEAD", mode: "no-cors", credentials: "omit", cache: "no-store" };
      if (await fetch(`${api}widget.js`, probe).catch(() => policy)) kind = "denied";
    }
    if (kind === "denied") console.warn(`Mentor: this page may not ask ${api} ${policy || `Its owner can add ${location.origin} to MENTOR_ORIGINS. ${told}`}`);
    if (kind === "down") console.warn(`Mentor: ${api} does not answer. Is it running? Is it https?`);
    return {
      kind, status: error.status || 0, retryAfter: +error.headers?.get("retry-after") || 0,
      text: error.status === 422 ? told : fill(w[kind], title),
    };
  }

  async function failed(error, question, body) {
    const cause = await why(error);
    let left = cause.retryAfter;
    const retry = button("", () => ask(question, body));
    (function tick() {
      retry.disabled = left > 0;
      retry.textContent = w.retry + (left > 0 ? ` (${left} s)` : "");
      if (left-- > 0) setTimeout(tick, 1000);
    })();
    body.querySelector(".waiting")?.remove();
    body.append(el("div", { class: "notice" }, p("", cause.text), retry));
    box.value ||= question;
    grow();
    status.textContent = cause.text;
    fire("error", { question, ...cause });
  }

  // ---- an answer

  function showAnswer(body, answer) {
    body.replaceChildren();
    answer.sentences.forEach(writer(body, answer.sentences));
    frame(body, answer);
  }

  // Gives a function that appends one sentence; a voice is introduced once.
  function writer(body, said) {
    let voice, run;
    return (s) => {
      const marks = s.citations.flatMap((c) => mark(c, said));
      const here = s.kind === "generated" || `${s.speaker} ${s.citations[0]?.doc_id}`;
      if (s.kind === "generated") {
        if (voice !== here) body.append((run = el("p", { lang: s.lang })));
        run.append(run.firstChild && s.lang !== "zh" ? " " : "", s.text, ...marks);
      } else {
        if (voice !== here && s.speaker) body.append(p("soft who", fill(w.says, s.speaker)));
        const ours = s.kind === "translation";
        body.append(el(ours ? "p" : "blockquote", { lang: s.lang }, s.text, ours && el("i", { class: "soft", lang }, ` (${w.ours})`), ...marks));
        if (ours) body.append(...s.citations.map((c) => el("blockquote", { lang: tongue(c.quote) }, c.quote)));
      }
      voice = here;
    };
  }

  function frame(body, a) {
    body.querySelector(".waiting")?.remove();
    const refused = a.status === "refused";
    body.classList.toggle("refused", refused);
    const cites = cited(a.sentences);
    body.prepend(...some(a.understood && p("soft", fill(w.read, a.understood)), a.note && p("soft", a.note), a.lead && p("lead", a.lead)));
    body.append(...some(a.stopped && p("notice", w.stopped), a.left && p("soft", fill(w.left, a.left)), a.asks && p("", a.asks)));
    body.append(...choices("", a.branches, (q) => q.replace(a.understood || a.question, "").trim() || q));
    if (cites.length) body.append(sources(a.sentences, cites), copier(a, cites));
    if (refused && a.nearest.length) body.append(el("div", { class: "soft sources" }, el("h4", null, w.nearest), ...a.nearest.map((near) =>
      p("", opens(link(page(near), fill(w.quote, cut(near.text, 90)), { lang: tongue(near.text) }), near, a.nearest), near.title && ` ${near.title}`))));
    body.append(...choices(w.next, a.followups));
  }

  const cited = (sentences) => Object.values(Object.fromEntries(sentences.flatMap((s) => s.citations).map((c) => [c.n, c])));
  const quoted = (c) => c.quote ?? c.text;
  const page = (c) => `${api}read/${encodeURIComponent(c.doc_id)}?s=${c.start}&e=${c.end}&h=${hash(quoted(c))}#hit`;
  const named = (c, n) => `${fill(w.cite, n)}: ${c.title || ""} ${fill(w.quote, cut(quoted(c), 60))}`;

  // A link to the plain page of a passage; a plain click opens it in here.
  function opens(node, c, list) {
    node.onclick = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      const all = list[0].citations ? cited(list) : list;
      read(all, all.findIndex((other) => page(other) === node.href), node);
    };
    return node;
  }
  // The narrow blank glues the number to its words.
  const mark = (c, list) => ["\u202f", opens(link(page(c), String(c.n), { class: "n", "aria-label": named(c, c.n) }), c, list)];

  function sources(sentences, cites) {
    const shown = cited(sentences.filter((s) => s.kind !== "generated"));
    const essays = [...new Set(cites.map((c) => c.doc_id))].map((id) => cites.filter((c) => c.doc_id === id));
    return el("div", { class: "soft sources" }, el("h4", null, w.sources), ...essays.map((of) => el("div", null,
      el("b", null, of[0].title), ` · ${of[0].author}`, ...original(of[0].url),
      ...of.map((c) => shown.includes(c) ? mark(c, cites) : p("", el("span", { lang: tongue(c.quote) }, fill(w.quote, c.quote)), ...mark(c, cites))).flat(),
    )));
  }

  function copier(a, cites) {
    const text = some(
      a.question, a.lead,
      ...a.sentences.map((s) => some(s.text, ...s.citations.map((c) => `[${c.n}]`), s.kind === "translation" && `(${w.ours})`).join(" ")),
      w.sources,
      ...cites.map((c) => `[${c.n}] ${c.title} · ${c.author} · ${fill(w.quote, c.quote)} ${page(c).split("#")[0]}`),
    ).join("\n");
    const done = button(w.copy, () => {
      const field = el("textarea", { class: "unseen" }, text);
      card.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
      done.focus();
      done.textContent = `${w.copy} ✓`;
    });
    return done;
  }

  // ---- the reader

  let opener;
  let newest = 0;

  async function read(list, n, from) {
    const c = list[n];
    const turn = ++newest;
    opener = from || opener;
    for (const node of log.querySelectorAll("a")) node.classList.toggle("on", node.href === page(c));
    const step = (m, text, to = list[m] || c) => sign(text, named(to, to.n || m + 1), () => read(list, m), { disabled: to === c ? "" : null });
    const steps = [step(n - 1, "‹"), `${n + 1} / ${list.length}`, step(n + 1, "›")];
    const pressed = [...reader.querySelectorAll(".steps button")].indexOf(root.activeElement);
    const heading = el("h2", { id: "essay" }, "…");
    const about = p("soft about");
    const body = el("div", { class: "essay", tabindex: 0, role: "group", "aria-labelledby": "essay" });
    reader.replaceChildren(el("div", { class: "bar" }, button(`‹ ${w.back}`, back, { class: "back" }), list[1] && el("div", { class: "soft steps" }, ...steps)), heading, about, body);
    reader.hidden = false;
    card.classList.add("reading");
    fit();
    try {
      const query = new URLSearchParams({ doc: c.doc_id, s: c.start, e: c.end, h: hash(quoted(c)), lang });
      const essay = await get(`api/passage?${query}`);
      if (turn !== newest) return;
      const paragraphs = (text) => text.split("\n").filter((row) => row.trim()).length;
      heading.textContent = essay.title;
      const facts = [essay.speaker, essay.author !== essay.speaker && essay.author, essay.site, essay.date];
      if (essay.hit) facts.push(fill(w.place, `${paragraphs(`${essay.before}|`)} / ${paragraphs(essay.before + essay.hit + essay.after)}`));
      about.append(`${some(...facts).join(" · ")} · `, link(page(c), w.full), ...original(essay.url));
      body.append(essay.changed ? p("notice", w.changed) : "", el("article", { lang: essay.lang }, ...blocks(essay)), p("soft", essay.licence));
      const hit = root.getElementById("hit");
      if (hit) {
        const [mark, frame] = [hit.getBoundingClientRect(), body.getBoundingClientRect()];
        body.scrollTop += mark.top - frame.top - Math.max(16, (frame.height - mark.height) / 2);
      }
      const again = [...reader.querySelectorAll(".steps button")][pressed];
      (again && !again.disabled ? again : hit || body).focus({ preventScroll: true });
    } catch (error) {
      if (turn !== newest) return;
      const { text } = await why(error);
      const retry = button(w.retry, () => read(list, n));
      body.replaceChildren(el("div", { class: "notice" }, p("", text), retry));
      retry.focus();
    }
  }

  // The lines that a quote touches become one block.
  function blocks({ title, before, hit, after }) {
    if (before.startsWith(`# ${title}\n`)) before = before.slice(title.length + 3);
    if (!hit) return lines(before + after);
    const from = before.lastIndexOf("\n") + 1;
    const upto = after.search(/\n|$/);
    const lead = block(before.slice(from));
    lead.append(el("mark", { id: "hit", tabindex: -1 }, hit), after.slice(0, upto));
    return [...lines(before.slice(0, from)), lead, ...lines(after.slice(upto))];
  }
  const lines = (text) => text.split("\n").filter(Boolean).map(block);
  const block = (line) => {
    const [marks, heading, item] = /^(#{1,3} +)|^([-*] +)|/.exec(line);
    return el(heading ? "h3" : "p", { class: item && "item" }, line.slice(marks.length));
  };

  function leave() {
    newest++;
    reader.hidden = true;
    card.classList.remove("reading");
    fit();
  }

  // Drawn anew since, the same citation is another node.
  function back() {
    leave();
    const same = [...log.querySelectorAll("a")].find((node) => node.href === opener.href);
    (opener.isConnected ? opener : same || box).focus();
    all.classList.add("hush");
  }

  // ---- keys

  function key(event) {
    event.stopPropagation(); // what is typed in here is no shortcut of the page
    if (event.type !== "keydown" || event.isComposing || event.keyCode === 229) return;
    const hinted = root.querySelector(".n:hover, .n:focus-visible") && !all.classList.contains("hush");
    all.classList.remove("hush");
    if (event.key === "Enter" && event.target === box && !event.shiftKey) {
      event.preventDefault();
      ask(box.value);
    } else if (event.key === "Escape") {
      if (hinted) all.classList.add("hush");
      else reader.hidden ? close() : back();
    } else if (event.key === "Tab" && card.ariaModal) {
      const stops = [...card.querySelectorAll("button:enabled, a, textarea, [tabindex='0']")].filter((node) => !node.closest("[inert]") && node.offsetParent);
      if (root.activeElement !== stops.at(event.shiftKey ? 0 : -1)) return;
      event.preventDefault();
      stops.at(event.shiftKey ? -1 : 0).focus();
    }
  }
  for (const type of ["keydown", "keyup", "keypress"]) all.addEventListener(type, key);
  all.addEventListener("pointermove", () => all.classList.remove("hush"));

  // ---- coming and going

  // Beside the body, which a page may redraw; inline: in its target.
  const watcher = new MutationObserver(attach);
  function attach() {
    if (host.isConnected) return;
    const html = document.documentElement;
    (inline ? document.querySelector(inline) : html)?.append(host);
    watcher.observe(document, { childList: true });
    watcher.observe(html, { childList: true, subtree: !!inline });
  }

  function start() {
    const rtl = getComputedStyle(document.documentElement).direction === "rtl";
    all.classList.add(["left", "right"].includes(data.position) ? data.position : rtl ? "left" : "right");
    if (inline) all.classList.add("inline");
    sheet.replaceSync(STYLE);
    paint();
    night.addEventListener("change", paint, { signal });
    addEventListener("resize", fit, { signal });
    attach();
    recall();
    fire("ready");
    if (inline || (data.open != null && data.open !== "false" && !small.matches)) open(true);
  }

  function destroy() {
    busy?.abort();
    watcher.disconnect();
    gone.abort();
    host.remove();
    delete window.Mentor;
  }

  const STYLE = `
:host { all: initial !important; display: contents !important; }
* { box-sizing: border-box; margin: 0; padding: 0; font: inherit; color: inherit; }
[hidden] { display: none !important; }
.all {
  --paper: #fffdf8; --tint: #f3efe6; --ink: #23272b; --soft: #565f68; --line: #d9d2c4; --hit: #ffe9a8;
  color-scheme: light; color: var(--ink); font: 15px/1.7 var(--mentor-font, system-ui, sans-serif);
  height: 100%; text-align: left; overflow-wrap: anywhere;
}
.dark {
  --paper: #191c1f; --tint: #24292d; --ink: #e4e2dc; --soft: #a9b1b8; --line: #3a4046; --hit: #5b4a12;
  color-scheme: dark;
}
button { min-height: 32px; padding: 3px 12px; border: 1px solid var(--line); border-radius: 9px; background: none; text-align: left; cursor: pointer; }
button:disabled { opacity: .6; }
a { color: var(--link); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.launcher, .card { position: fixed; z-index: 2147483000; right: var(--mentor-side, 20px); }
.left > * { right: auto; left: var(--mentor-side, 20px); }
.launcher {
  bottom: var(--mentor-bottom, 20px); min-height: 48px; padding: 0 20px; border-radius: 24px;
  box-shadow: 0 0 0 2px var(--paper), 0 6px 20px #0004;
}
.launcher, .send { border-color: var(--link); background: var(--accent); color: var(--on); font-weight: 600; }
.card {
  display: flex; container-type: size; overflow: hidden; bottom: calc(var(--mentor-bottom, 20px) + 62px);
  width: min(var(--mentor-width, 400px), 100vw - 40px); height: min(var(--mentor-height, 620px), 100dvh - 110px);
  border: 1px solid var(--line); border-radius: 16px; background: var(--paper); box-shadow: 0 6px 20px #0004;
}
.inline .card { position: relative; inset: 0; width: 100%; height: 100%; min-height: 520px; z-index: 0; }
.main, .reader { display: flex; flex-direction: column; flex: 1; min-width: 0; background: var(--paper); }
.reader { position: absolute; inset: 0; z-index: 1; }
.bar, .ask { display: flex; align-items: center; gap: 8px; padding: 8px 10px 8px 16px; border: 0 solid var(--line); border-bottom-width: 1px; }
h2 { flex: 1; font-weight: 600; }
.x { min-width: 36px; border: 0; font-size: 22px; line-height: 1; text-align: center; }
.log, .essay { position: relative; flex: 1; overflow-y: auto; overscroll-behavior: contain; padding: 12px 16px; outline-offset: -2px; }
.intro > * + *, .a > * + *, .sources > * + * { margin-top: 10px; }
.lead, b, h3, h4 { font-weight: 600; }
.soft, .soft * { color: var(--soft); font-size: 13px; }
.soft a { color: var(--link); display: inline-block; min-height: 24px; }
.turn { padding-bottom: 20px; }
.turn:last-child { min-height: 100%; }
.turn:not(:last-child) .next { display: none; }
.q { width: fit-content; max-width: 88%; margin: 0 0 12px auto; padding: 6px 12px; border-radius: 14px; background: var(--tint); font-weight: 400; }
.q, blockquote, article, .a > p { white-space: pre-wrap; }
blockquote { padding-left: 12px; border-left: 3px solid var(--link); }
.n {
  display: inline-block; min-width: 24px; min-height: 24px; padding: 0 5px; border-radius: 7px; background: var(--tint);
  font-size: 13px; line-height: 24px; text-align: center; text-decoration: none;
}
.n:is(:hover, :focus-visible)::after {
  content: attr(aria-label); position: absolute; left: 12px; right: 12px; z-index: 1; margin-top: 26px; padding: 8px 11px;
  border-radius: 10px; background: var(--ink); color: var(--paper); line-height: 1.6; text-align: left;
}
.hush .n::after { content: none !important; }
.n.on { background: var(--accent); color: var(--on); }
.sources, .ask, .essay { border-top: 1px solid var(--line); }
.sources { padding-top: 8px; }
.next { display: flex; flex-direction: column; align-items: flex-start; gap: 6px; }
.next button { border-color: var(--link); color: var(--link); }
.refused { padding: 12px; border: 1px dashed var(--soft); border-radius: 12px; }
.notice { padding: 8px 12px; border-left: 3px solid #b9770e; }
.ask { align-items: flex-end; padding-left: 10px; border-bottom: 0; }
textarea { flex: 1; min-width: 0; max-height: 132px; padding: 7px 11px; border: 1px solid var(--soft); border-radius: 11px; background: none; font-size: 16px; resize: none; }
::placeholder { color: var(--soft); opacity: 1; }
.send { min-height: 40px; }
.kept { padding: 0 14px 8px; }
.steps { margin-left: auto; white-space: nowrap; }
#essay, .about { flex: none; padding: 8px 16px; }
article { font: 17px/1.9 Georgia, "Songti SC", serif; }
article > * { margin-bottom: .8em; }
.item { display: list-item; margin-left: 1.2em; }
mark { border-radius: 3px; background: var(--hit); }
mark:focus-visible { outline: 0; box-shadow: 0 2px var(--link); }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
@media (min-width: 900px) { .all:not(.inline) .reading { width: min(840px, 100vw - 40px); } }
@container (min-width: 760px) { .reader { position: relative; border-left: 1px solid var(--line); } }
@media (max-width: 520px), (max-height: 480px) { .all:not(.inline) .card { inset: 0; width: auto; height: 100dvh; border: 0; border-radius: 0; } }
@media (forced-colors: active) {
  .n, .q, mark { border: 1px solid; }
  .n.on { forced-color-adjust: none; background: Highlight; color: HighlightText; }
}
@media print { .all { display: none; } }
`;

  window.Mentor = { version: 1, open: () => open(), close, ask: (question) => ask(question), clear, destroy };
  start();
})();
