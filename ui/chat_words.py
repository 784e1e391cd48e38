"""What the scripts of the chat page say, in Chinese and English; braces are filled by them."""

from collections.abc import Mapping

from rag import Lang

_READER_ZH = {
    "region": "原文",
    "close": "关闭原文",
    "full": "在单独页面打开",
    "original": "原网页",
    "loading": "正在打开原文…",
    "failed": "原文没能打开，请再点一次。",
    "gone": "这篇文章已经不在书架上了。",
    "changed": "文章在这次回答之后改过，引文位置已对不上，所以没有标出。",
    "says": "说话人：",
    "open": "打开原文，引文 ",
    "ours": "本项目译",
    "paragraph": "第 {n} 段，共 {all} 段",
    "cited": "第 {n} 处引文，共 {all} 处",
    "previous": "上一处引文",
    "next": "下一处引文",
}

_READER_EN = {
    "region": "The essay",
    "close": "Close the essay",
    "full": "Open on its own page",
    "original": "Original page",
    "loading": "Opening the essay…",
    "failed": "The essay could not be opened. Please click again.",
    "gone": "This essay is no longer on the shelf.",
    "changed": "The essay has changed since this answer, so nothing is highlighted.",
    "says": "Speaker: ",
    "open": "Open the essay at quote ",
    "ours": "our translation",
    "paragraph": "paragraph {n} of {all}",
    "cited": "quote {n} of {all}",
    "previous": "Previous quote",
    "next": "Next quote",
}

_CHAT_ZH = {
    "searching": "正在查找…",
    "waiting": "现在提问的人多，正在排队，请稍等…",
    "still": "还在写，请稍等…",
    "ai": "Mentor 是 AI 程序，会漏看，也会选错；点编号就能核对原文。",
    "kept": "对话只存在这个标签页里，关掉就没了。",
    "clear": "清空对话",
    "retry": "再答一次",
    "edit": "改一改再问",
    "save": "保存对话：",
    "copy": "复制回答和出处",
    "copied": "已复制",
    "up": "有帮助",
    "down": "没帮助",
    "wrong": "引文不对",
    "tools": "对这个回答",
    "thanks": "谢谢，记下了。",
    "not_kept": "没能记下来，不过不影响继续提问。",
    "note": "想补充一句吗？（可不填）",
    "send": "发送",
    "offline": "连不上 Mentor，可能是网络断了，或者它正在重启。问题还在，可以再试一次。",
    "still_there": "问题还在，不用重写。",
    "full": "现在提问的人太多，Mentor 忙不过来。问题还在，过一会儿再试。",
    "long": "这次对话太长了，请先清空，再问一次。",
    "broken": "抱歉，Mentor 出了点差错，错不在你。问题还在，可以再试一次。",
    "again": "再试一次",
}

_CHAT_EN = {
    "searching": "Searching the essays…",
    "waiting": "Many people are asking; your question is in the queue…",
    "still": "Still writing, one moment…",
    "ai": "Mentor is an AI program: it overlooks things and picks wrong ones. "
    "Click a number to check the essay.",
    "kept": "This conversation is kept in this tab only, and gone when you close it.",
    "clear": "Clear the conversation",
    "retry": "Answer again",
    "edit": "Change the question and ask again",
    "save": "Save the conversation:",
    "copy": "Copy answer with sources",
    "copied": "Copied",
    "up": "Helpful",
    "down": "Not helpful",
    "wrong": "Wrong evidence",
    "tools": "About this answer",
    "thanks": "Thank you, noted.",
    "not_kept": "That could not be noted, but you can go on asking.",
    "note": "Anything to add? (optional)",
    "send": "Send",
    "offline": "Mentor cannot be reached: the network may be down, or it is starting again. "
    "Your question is kept; please try again.",
    "still_there": "Your question is kept.",
    "full": "Too many people are asking at once. Your question is kept; "
    "please try again in a moment.",
    "long": "This conversation has become too long. Please clear it and ask again.",
    "broken": "Sorry, something went wrong, and the fault is Mentor's. "
    "Your question is kept; please try again.",
    "again": "Try again",
}

READER: Mapping[Lang, Mapping[str, str]] = {"zh": _READER_ZH, "en": _READER_EN}
CHAT: Mapping[Lang, Mapping[str, str]] = {"zh": _CHAT_ZH, "en": _CHAT_EN}
