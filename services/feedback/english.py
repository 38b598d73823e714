"""Word lists of English that the rules need: function words, irregular verbs, and the company fillers keep."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FUNCTION_WORDS = _words("""
    a about above after again all also am an and any are aren't as at be because been before being below between both
    but by can can't cannot could couldn't did didn't do does doesn't doing don't down during each few for from further
    had hadn't has hasn't have haven't having he her here hers herself him himself his how i i'd i'll i'm i've if in
    into is isn't it it's its itself just let's me more most my myself no nor not now of off on once only or other our
    ours ourselves out over own same she should shouldn't so some such than that that's the their theirs them themselves
    then there there's these they they're this those through to too under until up very was wasn't we we'd we'll we're
    we've were weren't what what's when where which while who whom why will with won't would wouldn't you you'd you'll
    you're you've your yours yourself yourselves
""")

# "Kind of" and "sort of" are no fillers right after one of these.
QUANTIFIERS = _words("""
    a an the this that these those what which any some every each all no one same another other different whatever
    certain new right wrong
""")
BEFORE_YOU_KNOW = _words("as do did does don't if that what when how whether let would because")
BEFORE_I_MEAN = _words("what that do if which does")
# After these, "like" is a verb or compares, whatever hesitation stands between.
BEFORE_REAL_LIKE = _words("""
    i you we they he she who would i'd we'd you'd they'd to do don't did didn't really not also always never feel feels
    felt look looks looked sound sounds sounded seem seems seemed be is was were things something
""")

# Past forms an interview is full of, by the form they are reduced to.
IRREGULAR_FORMS = {
    past: present
    for present, forms in {
        "begin": "began begun",
        "break": "broke broken",
        "bring": "brought",
        "build": "built",
        "buy": "bought",
        "choose": "chose chosen",
        "drive": "drove driven",
        "fall": "fell fallen",
        "find": "found",
        "give": "gave given",
        "grow": "grew grown",
        "hold": "held",
        "keep": "kept",
        "know": "knew known",
        "lead": "led",
        "learn": "learnt",
        "leave": "left",
        "lose": "lost",
        "make": "made",
        "meet": "met",
        "run": "ran",
        "see": "saw seen",
        "sell": "sold",
        "send": "sent",
        "speak": "spoke spoken",
        "spend": "spent",
        "take": "took taken",
        "teach": "taught",
        "tell": "told",
        "think": "thought",
        "understand": "understood",
        "win": "won",
        "write": "wrote written",
    }.items()
    for past in forms.split()
}
