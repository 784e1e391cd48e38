// What belongs to this tab: its conversation, and its line to the server. Runs before Gradio, whose
// requests pass through here: one that fails waits, with a calm sentence, until it is tried again.
(() => {
  "use strict";
  const { lang, chat: words } = JSON.parse(document.currentScript.dataset.words);

  // Gradio keeps what a browser remembers for all tabs and for good. A conversation is this tab's.
  const KEPT = "mentor_conversation";
  for (const name of ["getItem", "setItem", "removeItem"]) {
    const native = Storage.prototype[name];
    Storage.prototype[name] = function (key, ...rest) {
      return native.call(key === KEPT && this === localStorage ? sessionStorage : this, key, ...rest);
    };
  }

  const QUESTION = /\/gradio_api\/(queue\/join|run\/|call\/)/;
  const LINES = { 0: words.offline, 413: words.long, 503: words.full };
  const real = window.fetch.bind(window);

  window.fetch = async (input, init) => {
    if (!QUESTION.test(String(input?.url ?? input))) return real(input, init);
    for (;;) {
      const response = await tried(input, init);
      if (response?.ok) return response;
      await again(await line(response));
    }
  };

  async function tried(input, init) {
    try {
      const headers = new Headers(init?.headers ?? input.headers);
      headers.set("accept-language", lang); // what turns a question away says why in it
      return await real(input instanceof Request ? input.clone() : input, { ...init, headers });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      return null;
    }
  }

  // Who asks too fast, or too much for a day, is told by the server how long to wait.
  async function line(response) {
    const told = response?.status === 429 ? await response.json().catch(() => null) : null;
    if (told?.error) return `${told.error} ${words.still_there}`;
    return LINES[response?.status ?? 0] ?? words.broken;
  }

  // Resolves when the person asks for it. One card serves all requests that wait.
  let waiting = null;
  function again(said) {
    waiting ??= new Promise((resolve) => {
      card(said, () => {
        waiting = null;
        resolve();
      });
    });
    return waiting;
  }

  function card(said, retry) {
    const text = Object.assign(document.createElement("p"), { id: "trouble-line" });
    const button = Object.assign(document.createElement("button"), { type: "button" });
    const shown = document.createElement("div");
    shown.id = "trouble";
    shown.setAttribute("role", "alert");
    text.textContent = said;
    button.textContent = words.again;
    button.addEventListener("click", () => {
      shown.remove();
      retry();
    });
    shown.append(text, button);
    document.getElementById("trouble")?.remove();
    (document.getElementById("beside") ?? document.body).append(shown);
    button.focus({ preventScroll: true });
  }

  // The stream of an answer can break, too. Gradio says so in a toast of its own, and loads the
  // page anew as soon as the server is back: the conversation and the question are kept till then.
  new MutationObserver(() => {
    const toast = document.querySelector(".toast-body.error");
    if (!toast) return;
    toast.remove();
    if (!document.getElementById("trouble")) card(words.offline, () => location.reload());
  }).observe(document, { subtree: true, childList: true });
})();
