"""What Python's str makes of each code point, for unicode.rs, as one line of JSON.

Answers to questions are ranges of the code points for which they are true; of the mappings there is what they change. For
the capital sigma, which is another small letter at the end of a word, a number tells in which of some surroundings it is.
"""

import json
import unicodedata

POINTS = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
QUESTIONS = ["isalpha", "isdecimal", "isdigit", "isnumeric", "isalnum", "isspace", "isupper", "islower", "istitle",
             "isprintable", "isidentifier"]
MAPPINGS = ["upper", "lower", "casefold", "title", "capitalize", "swapcase"]
SIGMA = ["lower", "title", "capitalize", "swapcase"]


def ranges(answer):
    found = []
    for code in POINTS:
        now = answer(chr(code))
        if not found or found[-1][1] != now:
            found.append((code, now))
    return found


def sigma(c):
    surroundings = ["aΣ" + c, "aΣ" + c + "b", "a" + c + "Σ", c + "Σ"]
    bits = [("ς" in getattr(text, method)()) for method in SIGMA for text in surroundings]
    return sum(bit << at for at, bit in enumerate(bits))


print(json.dumps({
    "version": unicodedata.unidata_version,
    "unassigned": ranges(lambda c: unicodedata.category(c) == "Cn"),
    "questions": {name: ranges(lambda c, name=name: getattr(c, name)()) for name in QUESTIONS}
    | {"inside an identifier": ranges(lambda c: ("a" + c).isidentifier())},
    "mappings": {name: {code: changed for code in POINTS if (changed := getattr(chr(code), name)()) != chr(code)}
                 for name in MAPPINGS},
    "sigma": ranges(sigma),
    "decimal": {code: int(chr(code)) for code in POINTS if chr(code).isdecimal()},
}))
