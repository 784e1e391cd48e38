// A turn, from the question to its whole answer: what is heard of it, what is said when it takes
// long, and the question kept until it is answered. Knows nothing of what is asked.
(() => {
  "use strict";
  const told = JSON.parse(document.querySelector("script[data-words]").dataset.words);
  const words = told.chat;
  const DRAFT = "mentor_question";
  const LONG_MS = 2000; // of silence, after which it is said why
  const STILL_MS = 60;

  // The only thing that speaks: "searching", then the answer. Gradio's own list would read out
  // every sentence as it comes, and the whole answer again whenever it is drawn anew.
  const heard = document.createElement("div");
  heard.id = "heard";
  heard.setAttribute("role", "status");
  document.body.append(heard);
  const busy = Object.assign(document.createElement("p"), { id: "busy", hidden: true });

  let pending = false;
  let timer = 0;
  let closing = 0;

  function look() {
    for (const loud of document.querySelectorAll("gradio-app [aria-live]:not([aria-live=off])")) {
      loud.setAttribute("aria-live", "off");
    }
    if (!busy.isConnected) document.getElementById("beside")?.prepend(busy);
    const last = [...document.querySelectorAll("#chat .message-row")].at(-1);
    const open = Boolean(last && (last.matches(".user-row") || last.querySelector(".growing")));
    clearTimeout(closing);
    if (open && !pending) begin();
    // Gradio takes rows away for a moment while it draws.
    if (!open && pending) closing = setTimeout(() => end(last), STILL_MS);
    if (open && !busy.hidden) renewed(last);
    pending ||= open;
  }

  // Said at once, before the server has heard of it.
  function sent(question) {
    if (pending) return;
    if (question) keep(question);
    heard.textContent = words.searching;
    busy.textContent = words.searching;
    busy.hidden = false;
  }

  const box = () => document.querySelector("#question textarea");
  document.addEventListener("keydown", (event) => {
    const sends = event.key === "Enter" && !event.shiftKey && !event.isComposing;
    if (sends && event.target === box() && box().value.trim()) sent(box().value.trim());
  }, true);
  document.addEventListener("click", (event) => {
    const pressed = event.target.closest?.("#question .submit-button, #chat :is(.example, .option)");
    if (pressed?.matches(".submit-button")) sent(box().value.trim());
    else if (pressed) sent(pressed.innerText.trim());
  }, true);

  function begin() {
    const question = [...document.querySelectorAll("#chat .user-row")].at(-1);
    const text = question.innerText.trim(); // not there yet when the row is
    if (text) keep(text);
    if (heard.textContent !== words.searching) heard.textContent = words.searching;
    timer = setTimeout(() => waits([...document.querySelectorAll("#chat .message-row")].at(-1)), LONG_MS);
  }

  // The answer says itself how far it is, until it has been silent for too long.
  function renewed(last) {
    if (busy.textContent !== words.searching) waits(last);
    else if (last.matches(".bot-row")) busy.hidden = true;
  }

  function waits(last) {
    const line = last?.matches(".bot-row") ? words.still : words.waiting;
    if (busy.hidden || busy.textContent !== line) busy.textContent = line;
    busy.hidden = false;
  }

  function end(last) {
    pending = false;
    clearTimeout(timer);
    busy.hidden = true;
    keep("");
    heard.textContent = last ? spoken(last) : "";
  }

  function spoken(row) {
    const said = row.querySelector(".message-content").cloneNode(true);
    for (const extra of said.querySelectorAll(".sources, details, a[href^='#cite-']")) extra.remove();
    const blocks = said.querySelectorAll("p, li");
    return [...blocks].map((block) => block.textContent.trim()).filter(Boolean).join("\n");
  }

  new MutationObserver(look).observe(document.body, { subtree: true, childList: true });

  // ---- the question survives the page ---------------------------------------------------------

  function keep(question) {
    try {
      if (question) sessionStorage.setItem(DRAFT, question);
      else sessionStorage.removeItem(DRAFT);
    } catch {
      // A browser that keeps nothing keeps no question.
    }
  }

  const kept = (() => {
    try {
      return sessionStorage.getItem(DRAFT) ?? "";
    } catch {
      return "";
    }
  })();
  const found = new MutationObserver(() => {
    if (!box()) return;
    found.disconnect();
    if (!kept || box().value) return;
    box().value = kept;
    box().dispatchEvent(new Event("input", { bubbles: true }));
  });
  found.observe(document.body, { subtree: true, childList: true });
})();
