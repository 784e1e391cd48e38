// Small repairs of the chat page that Gradio leaves to us. Knows nothing of questions or essays.
(() => {
  "use strict";
  const { lang } = JSON.parse(document.querySelector("script[data-words]").dataset.words);
  document.documentElement.lang = lang;

  // The Chinese page leads a reader of traditional characters on to the page in them.
  const own = (navigator.languages ?? [navigator.language]).find((tag) => tag.startsWith("zh")) ?? "";
  if (lang === "zh-CN" && /-(hant|tw|hk|mo)/i.test(own) && !/hans/i.test(own)) {
    location.replace(location.href.replace("/chat/zh/", "/chat/zh-tw/"));
  }

  // A keyboard on the glass takes its room from the page, so that the box stays above it.
  document.querySelector("meta[name=viewport]")?.setAttribute(
    "content",
    "width=device-width, initial-scale=1, interactive-widget=resizes-content",
  );

  // Each turn Gradio disables the box, and the focus falls to the page: give it back.
  let typing = false;
  const box = () => document.querySelector("#question textarea");
  document.addEventListener("focusin", (event) => {
    typing = event.target === box();
  });
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      const free = document.activeElement === document.body || !document.activeElement;
      if (target === box() && !target.disabled && typing && free) target.focus();
    }
  }).observe(document, { subtree: true, attributeFilter: ["disabled"] });

  // A new question goes to the top, so that its answer is read from its beginning. Gradio would
  // scroll to the end; whoever scrolls by hand is left alone.
  let questions = 0;
  let pinned = false;
  const rows = () => document.querySelectorAll("#chat .user-row");
  const pin = () => {
    const all = rows();
    if (all.length > questions) pinned = true;
    questions = all.length;
    const frame = document.querySelector("#chat .panel-wrap");
    if (!pinned || !questions || !frame) return;
    const row = all[questions - 1].getBoundingClientRect();
    frame.scrollTop += row.top - frame.getBoundingClientRect().top - 12;
  };
  for (const kind of ["wheel", "touchmove", "keydown", "pointerdown"]) {
    document.addEventListener(kind, () => { pinned = false; }, { capture: true, passive: true });
  }
  new MutationObserver((changes) => {
    if (changes.some(({ target }) => target.closest("#chat"))) pin();
    // Gradio names each message by its Markdown, which is no name to hear.
    for (const message of document.querySelectorAll("#chat [data-testid=bot][aria-label]")) {
      message.removeAttribute("aria-label");
    }
    // It calls the starters a list, in which nothing is an item.
    document.querySelector("#chat .examples[role=list]")?.removeAttribute("role");
  }).observe(document.body, { subtree: true, childList: true });

  // An empty box sends nothing.
  const sends = (event) =>
    event.type === "click"
      ? event.target.closest?.("#question .submit-button")
      : event.target === box() && event.key === "Enter" && !event.shiftKey;
  for (const kind of ["keydown", "click"]) {
    document.addEventListener(
      kind,
      (event) => {
        if (!sends(event) || !box() || box().value.trim()) return;
        event.preventDefault();
        event.stopImmediatePropagation();
      },
      true,
    );
  }

  // Gradio opens every link in a new tab; the other language belongs in this one.
  document.addEventListener(
    "click",
    (event) => {
      const link = event.target.closest?.('a[href^="/chat/"]');
      if (link) link.removeAttribute("target");
    },
    true,
  );
})();
