// What belongs to this tab: its conversation, and its line to the server. Runs before Gradio, whose
// requests pass through here: one that fails waits, with a calm sentence, until it is tried again.
(() => {
  "use strict";
  const words = JSON.parse(document.currentScript.dataset.words).chat;

  // Gradio keeps what a browser remembers for all tabs and for good. A conversation is this tab's.
  const KEPT = "mentor_conversation";
  for (const name of ["getItem", "setItem", "removeItem"]) {
    const native = Storage.prototype[name];
    Storage.prototype[name] = function (key, ...rest) {
      return native.call(key === KEPT && this === localStorage ? sessionStorage : this, key, ...rest);
    };
  }

  const QUESTION = /\/gradio_api\/(queue\/join|run\/|call\/)/;
  const LINES = { 0: words.offline, 413: words.long, 429: words.fast, 503: words.full };
  const real = window.fetch.bind(window);

  window.fetch = async (input, init) => {
    if (!QUESTION.test(String(input?.url ?? input))) return real(input, init);
    for (;;) {
      const response = await tried(input, init);
      if (response?.ok) return response;
      await again(response?.status ?? 0, Number(response?.headers.get("retry-after")) || 0);
    }
  };

  async function tried(input, init) {
    try {
      return await real(input instanceof Request ? input.clone() : input, init);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      return null;
    }
  }

  // Resolves when the person asks for it. One card serves all requests that wait.
  let waiting = null;
  function again(status, wait) {
    waiting ??= new Promise((resolve) => {
      card(status, wait, () => {
        waiting = null;
        resolve();
      });
    });
    return waiting;
  }

  function card(status, wait, retry) {
    const line = Object.assign(document.createElement("p"), { id: "trouble-line" });
    const button = Object.assign(document.createElement("button"), { type: "button" });
    const shown = document.createElement("div");
    shown.id = "trouble";
    shown.setAttribute("role", "alert");
    line.textContent = (LINES[status] ?? words.broken).replace("{wait}", String(wait || 5));
    button.textContent = words.again;
    button.addEventListener("click", () => {
      shown.remove();
      retry();
    });
    shown.append(line, button);
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
    if (!document.getElementById("trouble")) card(0, 0, () => location.reload());
  }).observe(document, { subtree: true, childList: true });
})();
