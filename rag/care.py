"""A message that speaks of death by one's own hand -> a short reply that points to real help.

Read before any search or model. Where a wish to die may be meant, it is taken as meant; idioms of
lab life and research on the theme are told apart by the words right beside them.
"""

import re
import unicodedata
from functools import cache

from rag.types import Lang

# Public help lines; a number may change, so look them up again now and then.
_REPLY: dict[Lang, str] = {
    "zh": "谢谢你说出来。不管是你自己还是你身边的人,这都比研究重要得多,谁也不必一个人扛。"
    "请现在就找一个离得近的人说说:家人、朋友、同学或老师都好。"
    "也可以打电话求助:中国大陆 12356(全国统一心理援助热线),紧急情况 120 或 110;台湾 1925;"
    "香港 18111。人在别处,或眼前就有危险,请打当地的急救电话,身边一直要有人陪着。",
    "en": "Thank you for saying this. Whether it is about you or someone near you, it matters more "
    "than any research, and nobody has to be alone with it. Please talk right now to someone close "
    "by: family, a friend, a labmate, a teacher. There are people to call: 988 in the US and "
    "Canada (call or text), Samaritans at 116 123 in the UK and Ireland, 12356 in mainland China; "
    "findahelpline.com names lines in other countries. If there is danger right now, call the "
    "emergency number where you are (112, 911 or 120) and stay with someone.",
}


def care(question: str, lang: Lang) -> str | None:
    """Return the reply to a message of danger, the asker's or a friend's; None for any other."""
    plain = _plain(question)
    own, aside, wish = _compiled()
    if own.search(plain) or wish.search(_joined(aside.sub(" , ", plain))):
        return _REPLY[lang]
    return None


@cache
def _compiled() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Compile the patterns, a tenth of a second, when the first message is read."""
    return re.compile(_any(_OWN)), re.compile(_any(_ASIDE)), re.compile(_any(_WISH))


# --- one spelling for all ------------------------------------------------------------------------

# The traditional characters of the patterns below; OpenCC lives in rag/query.py.
_SIMPLE = str.maketrans(
    "殺輕殘傷樓結遺書終沒義開從這個還寧願無戀斷盡橋軌藥農燒劃臥尋見們讓麼麽為會來過覺離間後樣"
    "氣價機記檢測數據識別預類論語標註內風險傾學讀實驗課題動躍應該說妳著隻勁裡裏變壓點幾對嗎條"
    "陣與關係針給寫頭繼續撐趕樂團隊場業練東誰當導師賴廢賤寶貝負擔醫幫掛並頂臺陽慮篩權獻戶誌報"
    "邊脫厭膩夠懶處時難媽嘗試準備計畫決圖經衝幹進細職術濾審統務話畢靜絕較鬆訣嘆煩憂鬱聽紙鏈",
    "杀轻残伤楼结遗书终没义开从这个还宁愿无恋断尽桥轨药农烧划卧寻见们让么么为会来过觉离间后样"
    "气价机记检测数据识别预类论语标注内风险倾学读实验课题动跃应该说你着只劲里里变压点几对吗条"
    "阵与关系针给写头继续撑赶乐团队场业练东谁当导师赖废贱宝贝负担医帮挂并顶台阳虑筛权献户志报"
    "边脱厌腻够懒处时难妈尝试准备计划决图经冲干进细职术滤审统务话毕静绝较松诀叹烦忧郁听纸链",
)
_MARKS = str.maketrans(dict.fromkeys("’‘`\u00b4", "'") | dict.fromkeys("“”„「」『』", '"'))
_UNSEEN = ("Cf", "Mn")  # joiners, variation selectors
_SIGNS = ("So", "Sk", "Co", "Cs")  # emoji
_HAN = "一-鿿"
_SEAM = re.compile(rf"(?<=[{_HAN}])(?=[a-z0-9])|(?<=[a-z0-9])(?=[{_HAN}])")
_SPELT = re.compile(r"(?<![^\W_])(?<!')[a-z](?: [a-z])+(?![^\W_]|')")  # "d i e"
_DRAWN = re.compile(r"([a-z])\1{2,}")  # "dieee"
_BLANKS = re.compile(r"[^\S\n]+")
_GAPS = re.compile(rf"(?<=[{_HAN}])[\s.*·_/|~^-]+(?=[{_HAN}])")  # "自 杀", "自*杀"
_RESTS = re.compile(r"(?:[\s~*_]|\.{2,})+")


def _plain(question: str) -> str:
    """Fold width, case, marks and traditional characters, and drop emoji; lines stay lines."""
    text = unicodedata.normalize("NFKC", question.translate(_MARKS)).lower().translate(_SIMPLE)
    text = "".join(char for char in text if unicodedata.category(char) not in _UNSEEN)
    text = "".join(" " if unicodedata.category(char) in _SIGNS else char for char in text)
    text = _DRAWN.sub(r"\1", text)
    text = _SPELT.sub(lambda found: found.group().replace(" ", ""), text)
    return _BLANKS.sub(" ", _SEAM.sub(" ", text))


def _joined(text: str) -> str:
    """Close the gaps between Han characters, and make one line of all."""
    return _RESTS.sub(" ", _GAPS.sub("", text))


# --- patterns: one a word, "_" for a blank, {name} for what is named here ------------------------

_NAMED: dict[str, str] = {}
_NAME = re.compile(r"{([^\W\d]+)}")


def _any(patterns: str) -> str:
    """Return a pattern that matches whatever one of the `patterns` does."""
    one = "|".join(patterns.split()).replace("_", " ")
    return f"(?:{_NAME.sub(lambda found: _NAMED[found[1]], one)})"


def _name(name: str, patterns: str) -> None:
    """Let {name} stand for any of the `patterns` in those that follow."""
    _NAMED[name] = _any(patterns)


_name("self", r"(?:m[ye]?|him|her|them|our)_?(?:s[elf]{2,4}|selves)\b")  # "my self", "myslef"
_name("do", "do? does? did ca wo would could should is was are were")
_name("not", r"\b{do}_?n'?_?t\b \bnot\b \bnever\b \bno_longer\b \bcannot\b \bdun\b")
_name(
    "suicide",
    r"""
    \bsu+i?[cs]{1,2}[iu]?d(?:es?|al|ally|ality)\b \bsu[i1!]c[i1!]d\w* \bsewer_?slide
    \bself[-_]?(?:harm(?!on)|injur|mutilat)\w*
    """,
)
_name("各", "(?<![来各独亲擅暗])")  # "来自残差", "独自伤心"
_name(
    "自杀",
    """
    {各}自杀(?![毒菌虫]) {各}自残(?![差留余缺]) {各}自伤(?![心感神悲怀])
    {各}自尽(?![力量心责其快早]) (?<![年减])轻生(?![成态活]) 寻短见 割腕 遗书 自我伤害
    """,
)

# Research on the theme; between the two stands no word that begins to speak of oneself.
_name(
    "study",
    r"""
    detect predict classif forecast categor moderat screening filter label annotat benchmark prompt
    dataset data\b corpus corpora models?\b research papers?\b thesis literature survey tasks?\b
    stud(?:y|ies) analy statistic content posts?\b tweet text nlp taxonom quer(?:y|ies) polic
    lexicon severity refus prevention\b(?!_(?:hot_?line|help|number|line)) squad bomb mission gene\b
    """,
)
_name(
    "oneself",
    r"""
    i(?:'\w+)? im ive my(?:self)? me him her he she they and because since but so after over when
    while if due about from by is was are cuz again now mak(?:es?|ing) made think\w* thought\w*
    attempt\w* commit\w* consider\w* contemplat\w* wants? feel\w* friend\w* \w+mates? stop
    """,
)
_name("gap", r"[-_](?!{oneself}\b)\w+")
_name("sort", r"\b(?:detect|predict|classif|identif|annotat|label|flag|moderat|recogni)\w*")
_name(
    "work",
    r"""
    research work papers? projects? thesis survey literature data datasets? corpus stud(?:y|ies)
    models? llms? chatbots? assistants? learning prompts? benchmarks? tasks?
    """,
)
_name("upon", "on of for in into about handle refuse address covers? related_to")
_name("abuse", "violence hate hate_speech harassment toxicity")
_name(
    "program", "agents? players? process(?:es)? workers? jobs? threads? nodes? containers? scripts?"
)
_name("cloud", r"\d+ aws google azure cloud gcp drm use using with via through per an? our")
_name("vault", "key encrypt decrypt server driver activat service client policy api config")
_name("识别", "检测 识别 预测 分类 语料 预警 筛查 标注 标签 建模 审核 过滤 评估 数据集")
_name(
    "论文",
    """
    论文 模型 研究 课题 方向 算法 综述 数据 文本 帖 微博 内容 言论 评论 任务 话题 用户 人群 对话
    提问
    """,
)
_name(
    "倾向",
    "倾向 风险 意念 问题 现象 行为 主题 话题 心理 干预 预防 防治 热线 未遂 者 类 等 有害 相关 的",
)
_name("间", r"(?!室友|同学|同门)[^,.。!?;:\s了吧我他她你算因就让被不吗死得压做到有]")
_name("程序", "智能体 agent 角色 细胞 进程 线程 程序")
_name("小组", "公司 方向 领域 行业 小组 小实验室 会议 期刊")
_name("亲人", "大家 老?家里? 老师 师[兄姐弟妹] [我他她它爸妈爷奶]")

_ASIDE = r"""
    {suicide}(?:_attempts?)?{gap}{0,3}[-_]{study}\w* {sort}{gap}{0,6}?[-_]{suicide}
    \bstud(?:y|ies|ying){gap}{0,2}?_{suicide} {sort}{gap}{0,6}?_"[^"\n]*" \bsuicide-?watch
    \b{work}{gap}{0,3}?_{upon}{gap}{0,3}?[-_]{suicide} \busers?{gap}{0,2}?_{suicide}
    \b{abuse},?(?:_and|_or)?_{suicide} {suicide},?(?:_and|_or)?_{abuse}
    \b(?:career|academic|profession|politic|social|scientific|financial)\w*_{suicide}
    \bagents?(?:_\w+){0,3}_{suicide} \b(?:agents?|robot|policy)(?:_\w+){0,3}_jump\w*_off
    off_a_cliff_in \bmodel(?:l?ing)?_{suicide}
    \b{program}_(?:\w+_)?(?:kill\w*_themselves|wants?_to_die)
    \b(?:i'?m|am|been)_killing_myself_(?:trying|working|over|for|to_(?:finish|meet|get))
    \b(?:don'?t|have_to)_kill_myself_(?:for_th|to_(?:finish|meet|get)) \b{cloud}_?/?_?kms\b
    \bkms_{vault} \b(?:encrypt|decrypt|aws|azure|gcp)[^.!?\n]*\bkms\b {自杀}{间}{0,8}{识别}
    (?:{识别}|分析){间}{0,10}{自杀} {自杀}{倾向}+{论文} {程序}_?[^,。!?]{0,4}杀[死掉了]自己
    {程序}_?(?:会|总|总是|为什么|老|老是|一直|喜欢|选择|宁愿|都){0,2}自杀
    (?:学术|职业|职业生涯|政治|社会性)自杀 自杀(?:式|小队|突击队|任务|基因)
    {识别}{间}{0,12}_?"[^"\n]*" {小组}[都也就快还会要真的]*活不下去
    跳楼[价机甩大清降促式] 想(?:家|[你您他她爸妈猫狗]+|朋友|对象|[男女]朋友)想死
    想死[你您]们?(?:了|啦|咯|喽|[~!。]|$) 想死{亲人}(?:们|[爸妈爷奶])*的?[饭猫狗菜床]?[了啦]
"""

# What is said of oneself or a friend in so many words holds, whatever study it stands beside.
_name(
    "felt",
    r"""
    am is was is are be have has had been feel\w* felt keep\w* get(?:s|ting)? becom\w+ think\w*
    thought about of contemplat\w* consider\w* attempt\w* commit\w* tried wants? to going gonna will
    might so really very an? bit actively thoughts planning too also used
    """,
)
_name("who", r"i(?:'\w+)? im ive me s?he(?:'s)? who friend \w+mate partner student")
_name(
    "要",
    "[想要又] [打决]算 准备 计划 试[图过] 企图 只[能好] 尝试 决定 曾经 忍不住 开始 我在 干脆 差点",
)
_name("题", "{倾向}*(?:{识别}|数据|文本|内容|相关|用户|人群|帖|者)")

_OWN = r"""
    \b{who}(?:_{felt}){0,5}_{suicide}(?!{gap}{0,2}[-_]{study})
    (?<!是否){要}[去过要想了再]?{自杀}(?!{题}) 有(?!关)[过了点]?[^,。!?]{0,3}{自杀}(?!{题})
    {自杀}的?(?:念头|想法|冲动|打算|计划)(?!的|{识别})
"""

# --- the wish to die, and harm to oneself --------------------------------------------------------

_name(
    "just",
    r"(?:_(?:just|only|really|rly|so|bad|badly|simply|honestly|even|also|all|actually|truly))*",
)
_name("want", r"w(?:an|na)(?:t|ts|ted|ting){just}_?(?:to|2|too)?{just} wann?a{just}")
_name("wanting", "{want} deserve_to care_to wish_to feel_like")
_name("where", "in at on off with near up by far abroad alone there under close without here")
_name("there", r"{where}\b(?!_(?:this_(?:world|planet|life)|pain|myself))")  # not of the world
_name("live", r"live\b(?!_{there})")
_name("home", "lab room cost doc wage expens cond")
_name(
    "living",
    r"""
    living\b(?!_{home}|_{there}) (?:be|stay)ing_alive\b(?!_{there})
    existing\b(?!_(?!any|like|and|so|at_all)\w)
    """,
)
_name("on", "(?:keep|keep_on|go_on|continue)_(?:to_)?")
_name("awhile", r"(?:for|from|on|until|after|during|into)\b(?!_(?:this|the_world|earth|ever|good))")
_name("gone", r"(?:disappear|vanish)(?:ed)?\b(?!_{awhile})")
_name(
    "joke",
    r"of_(?:embarr|cringe|bore|laugh) laugh hard on_\w+_hill simple sure certain last tired cut",
)
_name("die", r"(?:diee?|be_dead)\b(?!_{joke})")
_name("anyone", "i he she they to")
_name("mind", r"feel\w*_like (?:think|thought|talk|fantasi|dream)\w*_(?:of|about)")
_name("absent", r"died didn weren'?t wasn'?t (?:was|were)_(?:dead|gone|not|never|no)")
_name("wish", r"wish\w* hop(?:e|es|ing) pray\w*")
_name("reason", "reasons? will point desire strength")
_name(
    "hurt",
    "hurt harm hit scratch cut burn stab hang hung drown shoot shot slash starv poison injur",
)
_name(
    "harmless",
    r"(?:by|off|out|up|some|short|loose|in|an?|at|climbing|running|playing|cooking|shaving|career)\b",
)
_name("high", "building bridge roof balcony window cliff train bus car truck traffic floor ledge")
_name(
    "lead",
    r"back\b in_(?:a|the|my|academia)\b to\b off\b one\b as\b serious for_granted into saving stor",
)

_DYING = r"""
    {suicide} \bk[my]s\b \bun[-_]?aliv\w* (?<!s)k[il]{2,}(?:s|ed|ing|in'?)?_?{self}
    {want}_?(?:{die}|be_gone_forever|cease_to_exist|stop_existing|sleep_forever|not_exist)
    \bwish\w*_(?:that_)?{anyone}_(?:\w+_){0,2}?(?:{die}|dead\b|died\b|{gone}|{not}_alive\b)
    \b(?:hope|pray)_(?:that_)?i{just}_{die} \b(?:pray\w*|hoping)_to_{die}
    \b(?:i|s?he|they){just}_(?:{want}|should{just})_?{gone}
    \bif_i{just}_(?:died?\b|(?:was|were){just}_(?:dead|gone)|{gone})(?!_(?:from|for|of|before|to)\b)
    \b(?:how_(?:do_i|can_i|should_i|to)|ways?_to){just}_{die} \b(?:let|help)_me{just}_die\b
    \brather{just}_(?:be_dead|not_(?:be_alive|exist|live)|die\b(?!_than)) \bready_to_{die}
    \bmight_as_well_{die}
    \bi(?:'?m|_am)?{just}_(?:deserve|should|supposed|plan\w*|need|tried)(?:_to)?{just}_{die}
    \b{mind}_(?:dying|not_existing)\b(?!_(?:relu|unit|neuron|of|to))
    \b{mind}_(?:my_)?(?:own_)?death\b(?!_(?:of|rate|predict|by))
    \b(?:crave|want|welcome)_death\b \bdeath_(?:would|sounds|is_(?:the|my)_only)
    \b(?:way_out|escape)_is_(?:death|to_die) \b(?:but|except)_death\b
    \bbeing_dead_(?:would|is|sounds|feels)\b \b(?:easier|better|nicer)_to{just}_{die}
    \bpainless_death \bplease_kill_me\b \bbetter_off_(?:dead|without_me)\b
    \b(?:better|happier)(?:_place)?_(?:without_me\b|if_i_{absent})
    \bbetter_off_not_ \bend(?:ed|ing|in)?_(?:it|this|everything)_(?:all|tonight)\b
    \bi(?:_just_want_to|'?m_going_to|'?m_gonna)_end_it_?(?:[.,!?]|$)
    \bleav(?:e|ing)_this_(?:world|life)\b \bout_of_this_life\b
    \b(?:end\w*|take|takes|taking|took)_(?:my|his|her|their)_(?:own_)?li(?:fe|ves)\b(?!'s|_{lead})
    \bmy_life_to_(?:end|be_over)\b \b(?:give|giving|gave)_up_on_(?:life|living)\b(?!_scien)
    \b(?:wish|hope)_[^.!?]{0,25}(?:hit_by_a|hit_me)\b
"""
_LIVING = r"""
    \bi(?:'d|_had|_was|_were)?(?:_never|n'?t|_not)_(?:been_)?born\b(?!_\w) \bhate_{living}
    \bwhy_(?:am|was)_i_(?:\w+_)?(?:alive|born)\b \bhave_(?:never_)?been_born\b
    {reason}_for_me_to_(?:live|be_alive|exist)\b
    \bi_(?:was|were)(?:n'?t|_not)_alive\b(?!_(?:when|in|back))
    \bi(?:'?m|_am)?_(?:won'?t|not_going_to|might_not)_be_alive
    {not}_(?:think|sure|know)(?:_if|_whether|_that)?_i{just}_{want}_?(?:{live}|be_alive|exist)
    {not}_care_if_i_(?:live|die) \bmind_(?:dying|being_dead|not_waking) \bfall_asleep_forever
    {not}_(?:{want}_?)?do_(?:this_)?life {not}_want_this_life
    \bi_could{just}_(?:stop_existing|cease_to_exist) \bi_(?:didn'?t|did_not|never|could_stop)_exist
    {not}{just}_{wanting}_?(?:(?:to_)?be_alive|exist\b|{on}?{live}|{on}?(?:be_)?{living})
    {not}{just}_{wanting}_?be_(?:(?:here|around)_any|on_this_(?:earth|planet)|in_this_world)
    {not}_(?:{want}_?)?(?:ever_)?wake_up_(?:again|tomorrow|any_?more) \bsleep_and_(?:never|not)_wake
    {not}{just}_{want}_?(?:ever_)?wake_up_?(?:[.,!?]|$)
    \b{wish}_[^.!?]{0,30}{not}_wake_up_?(?:[.,!?]|$)
    \bi_(?:shouldn'?t|should_not)_(?:be_alive|exist|live)\b \bwhy_\w+_i_(?:\w+_)?{on}{living}
    \bwhy_\w+_i_(?:\w+_)?(?:be|stay)_alive\b \bcan(?:'?t|_?not)_(?:\w+_){0,2}?stay_alive\b
    \b(?:tired|sick|weary|done|exhausted|fed_up)_(?:of|with)_(?:{living}|life\b(?!_{there}))
    \b{reason}_(?:left_)?(?:to|in|of|for)_(?:{on}|even_)?(?:{live}|{living}|(?:stay|be)_alive\b)
    \bno_point_{living} \bnothing_(?:\w+_)?to_live_for\b \bworth_living\b
    (?<!phd_)(?<!lab_)(?<!academic_)(?<!school_)\blife(?:_is|'?s)?(?:n'?t|_not)_worth
    \bcan(?:'?t|_?not)_(?:\w+_){0,2}?(?:{on}{living}|live_(?:any_?more|like_this|with_myself)\b)
"""
_HARM = r"""
    \b{hurt}(?:e|s|t|ed|ing|ting)?_?{self}(?!_{harmless}) \b(?:danger|harm)_to_{self}
    (?:\b(?:might|may|could|would|will)|'ll)_do(?:_\w+)?_to_{self} \bdo_something(?:_\w+)?_to_{self}
    \bsafe_(?:with|from|around)_{self} \b(?:scared|afraid)_of_myself\b \buse_(?:it|this)_on_myself
    \bi(?:'?m|_am)_not_safe\b(?!_for) \bi(?:'?m|_am)_going_to_jump_?(?:[.,!?]|$) \bbe_safe_tonight
    \b(?:to|gonna|just|might)_off_{self}
    \bi(?:'?m|_am)_(?:standing_|sitting_)?on_(?:the|a)_(?:roof|bridge|ledge)\b
    \b(?:all|bottle|too_many)(?:_of)?(?:_my|_the)?_(?:\w+_)?pills\b
    \b(?:slit|cut)\w*_(?:my|his|her|their)_(?:wrist|arm|thigh|skin|vein|throat)s?\b
    \bjump(?:ing|ed)?_(?:off|from|out|under)_(?:of_)?(?:(?:an?|the|my|this)_)?(?:\d*\w\w_)?{high}
    \b(?:jump|stepp?|walk)(?:ing|ed)?_in_front_of_(?:an?|the)_(?:train|bus|car|truck|subway)
    \boverdos(?:e|ing)_on_(?!coffee|caffeine) \boverdosed\b(?!_on_(?:coffee|caffeine))
    \b(?:to|gonna|might|tried|i)_overdos(?:e|ing)\b
"""

_name("很", "[真好太很也都还是有再那么就会啊特别觉得实在已经毫完全的]*")
_name("这世", r"(?:这个?)?(?:世界(?![一二三顶前名最级杯模知观各范排\d])|世上|人世|人间|地球)")
_name(
    "悄悄",
    """
    [就能会让可以直接这样悄默永远彻底从个世界上人间突然一下]
    [明今天现在真的好很只想要希望自己马立刻如果是]
    """,
)
_name(
    "词",
    """
    [锁循机磕记守心扛抠节神区角板链路线结撑盯啃抓等背办马读练码] 亡[率预风人数时] 了?这?条?心
    不[承认悔改] 代码 之前 _relu
    """,
)
_name("死", "死(?!{词})")
_name(
    "活",
    r"""
    活(?![动跃成泼得出给埋捉页检用塞性儿]|[这那]么累|受罪|在(?!这?个?[世人]|这样))
    """,
)
_name("醒", r"醒(?:来|过来|了|(?=[,。!?_]|$))(?![写上改去做跑开])")
_name("他们", "大家 [他她]们? 家人 爸妈 父母 {这世} 所有人 别人 一切")
_name("没意思", "[没无](?:有|什么|啥|多大)*(?:意思|意义|劲|价值|希望|盼头|用|必要)")
_name("如果", "如果 要是 假如 万一 等 哪天 当")
_name("不愿", "[不没唔]想 不愿意? [不没]打算 不配 懒得 不敢 不该 没有?(?:勇气|力气|动力|理由|必要)")
_name("不如", "不如 宁[愿可] 情愿 [恨巴]不得 干脆 只[有能]")

_DYING_ZH = r"""
    {自杀} 自[我己]?了[结断] 了[结断](?:自己|[一此余]生|生命|这?一切) 了此[残余一]生 以死[谢相明]
    (?<![该卡锁堵])死的(?:念头|勇气|想法|心思|冲动|决心) 满脑子[都全是]*{死} 想[^,。!?]{0,4}人间蒸发
    值得我?{活} [想希望][^,。!?]{0,8}撞死(?!人|行人) 得绝症 死亡是(?:我|唯一的?出路|最好)
    去另一个世界 (?:安排|交代|料理|准备)[好了]*后事(?![情实件])
    (?<!然)(?<!之)后事[都也]*(?:安排|交代) 我的?存在[就本身]*是[个一]*(?:错|多余) \bzi_?sha\b 自鲨
    紫砂(?!壶) (?<![要请追需])求{死} [寻赴]{死} (?<![没谁理梦思感幻设构猜联])想[要去到过着]{0,2}{死}
    想好?[过着了]?怎么{死}(?!的) 死的人?(?:不|应该)?是我(?!的) {这世}不值得 不敢{死} 选择死亡
    想_?die\b 想_?自_?s\b [好很真我]_?想[似鼠](?:了|[啊,。!?]|$) 想_?s_?了?(?:[,。!?]|$)
    {不如}[就让我自己去直接早点一]{0,4}{死}
    想(?:找个地方)?[就这样直接安静地一个人立刻马上现在快点早痛悄]*死[去掉]
    (?:[我该配]|应该)[要就只真还是干脆直接]*(?:去{死}|死咗)(?!的)
    (?:渴望|盼着|期待|幻想)[着自己]*{死}
    死[了掉咗](?:就?算(?=[了啦喇,。!?_]|$)|得了|拉倒|就?好了|干净|就不[用必痛疼]|就没有?痛)
    死[了掉][会就比较反而也许可能]*(?:更好|轻松|解脱) 死是不是就不 不想再?看到?明天 一死了之
    (?:想要?|不如|死了?就?)一了百了 (?<![得到])生不如死 [过活]得生不如死
    (?<![得到脸])(?<!得我)生无可恋 了无生趣 厌世(?![脸风]) (?<![生干])活[腻够]了 (?<![救养盘])不活了
    [想要求请]安乐死 无痛死 [痛苦松服]的?死法
    怎么死才?[^,。!?]{0,4}(?:[不无没]有?[痛疼难]|痛快|轻松|舒服|快)
    我(?:真的|明天|今晚|哪天)?死[了掉后],?(?:会|是不是|也没|也不会|之后|以后|没有?人|{他们})
    我死了[吧罢] 是不是我死了 {如果}(?:明天|有一天)?我[真的就明天今晚突然]*(?:{死}|不在了|消失)
    没有我(?:的话)?,?(?:{他们}|[会就])[都也会可能应该就过得变更]*(?:好|轻松|幸福|开心)
    (?:离开|告别|不想[再继续]*[留待呆活]?在)了?{这世} {这世}[^,。!?]{0,3}[没无不]有?留恋
    放弃[自己我]*的?生命
    结束[掉了]?[我她他]?(?:自己)?的?这?条?(?:生命|性命|一生|人生)(?!周期|[第中首大]) 杀了我吧
    结束[这掉]?一切 结束[^,。!?]{0,6}一生 结束[掉了]?我?自己(?=[,。!?了吧算_]|$)
    我[好真很只]*想要?解脱 彻底解脱
    (?:我|想|希望|[让果是]自己){悄悄}*消失(?!的(?![冲念想])|了?[一几两半\d])
    (?:^|[,。!?~_])(?:自己|{悄悄})*消失掉?(?:就好|算了|了算) (?:要是|如果)能{悄悄}*消失
    从{这世}[上里]?[永远彻底]*(?:消失|蒸发) 怕(?:[他她]|自己|室友|同学)[^,。!?]{0,2}走极端
    想不开(?!要(?!不要)|[来去才读做学选转投换考跟干搞当用入报上接非])
"""
_LIVING_ZH = r"""
    {不愿}[再继续要这样苟]*{活} [不没唔]想_?再?_?live 唔想生存 (?<!没到)(?<!生)活不下[去了]
    [没无](?:办)?法[再继续]*活(?:[下着了]|[,。!?]|$) [没无]有?活下去
    (?:我|不知道)[^,。!?]{0,3}怎么活下去 活下去的(?:理由|勇气|动力|意义|希望|力气|必要)
    活着的(?:理由|勇气|动力|意义) 活着{很}{没意思} 活着{很}[什何啥]么?(?:意思|意义|用)
    活着[还是到底究竟]*(?:干[嘛什]|图什么|为了?什么) 活着[真好太很的]+(?:累|痛苦|难受|煎熬|没)
    活着(?:不如|比死|浪费|拖累|多余|[就只]是(?:拖累|折磨|受罪|煎熬|痛苦|负担)) 为什么我?[要还]+活着
    活得{很}{没意思} 人生{很}[没无](?:有|什么)*(?:意义|意思|希望)
    (?:我|自己)[^,。!?的]{0,4}不(?:该|应该|配)(?:{活}|存在|出生|来到|被生)
    [没不][有曾]?(?:出生过?[就该多]|被生下|来过?到?{这世}) [一长]睡不醒 一觉不醒 (?:再也|永远)醒不
    睡过去[^,。!?]{0,4}[不别]醒 (?:[不别][想要用再]|再也不|永远[不别])[再要会想用]*{醒}
    睡着了?[^,。!?]{0,4}[不别]要?再?醒
"""
_HARM_ZH = r"""
    跳(?:楼(?!梯)|[河桥江崖]|海(?!关)|轨(?![迹道])) 想跳下去 [烫捅扎]自己
    刀[片子]?(?:对[着准]|[划割捅扎砍刺])[着了]?自己 (?<!棵树)上吊(?!了?[一几两三个着]) 投河 卧轨
    服毒 烧炭 喝农药 百草枯 吞(?![吐噬并食])[^,。!?]{0,5}药
    (?:[楼顶桥崖]|[天阳窗]台|窗户|高处|想从这里)[上里边]?[往想要就直接一]*跳(?:下[去来]|出去)
    [站爬走][在上到][^,。!?]{0,3}(?:楼顶|[天窗]台|桥[上边]) [准备攒囤][^,。!?]{0,4}安眠药
    安眠药[^,。!?]{0,3}[都全] 吃[下掉了]*(?:[一整半几]+[瓶把盒]|大量)[^,。!?]{0,3}药
    [一整几两]瓶安眠药 [会想要怕别][^,。!?]{0,4}做[出什么点]*傻事
    (?:[杀鲨]死|[杀鲨]了|杀掉|弄死|掐死|勒死)[我他她]?自己
    (?:伤害|弄伤|划伤|割伤)[到了]?[我她他]?自己(?!的(?!身体|手))
    (?<![分切规计策筹谋区比收企刻])[划割][破伤开了]?(?:自己(?!的(?![手胳大]))|手腕|手臂|胳膊|大腿|动脉)
"""
_WISH = _DYING + _LIVING + _HARM + _DYING_ZH + _LIVING_ZH + _HARM_ZH
