"""Applies operations to Python's own types: the oracle of conformance.rs.

A line of JSON in is one object and what is done to it: {"type": …, "init": [arguments], "ops": [[name, arguments, [[name, argument], …]], …]}.
A line of JSON out is what came of each: [kind of the error or null, result, state afterwards]; the first is of the
construction. Values are written as Python's repr writes them, both ways.
"""

import ast
import bisect
import builtins
import copy
import heapq
import itertools
import json
import math
import operator
import sys
from collections import ChainMap, Counter, OrderedDict, deque
from collections.abc import ItemsView, KeysView, ValuesView

TYPES = {"list": list, "dict": dict, "set": set, "deque": deque, "Counter": Counter, "OrderedDict": OrderedDict,
         "str": str, "bytes": bytes, "int": int, "float": float, "tuple": tuple, "fromhex": float.fromhex,
         "functions": lambda: None, "heap": list, "sorted list": list, "count": itertools.count,
         "bytearray": bytearray, "frozenset": frozenset, "range": range, "complex": complex, "ChainMap": ChainMap}

# Called as operators, so that what is not supported is an error and not NotImplemented.
OPERATORS = {
    "__getitem__": operator.getitem, "__setitem__": operator.setitem, "__delitem__": operator.delitem,
    "__contains__": operator.contains, "__len__": len, "len": len, "__reversed__": lambda x: list(reversed(x)),
    "__repr__": repr, "__eq__": operator.eq, "__ne__": operator.ne, "__lt__": operator.lt, "__le__": operator.le,
    "__gt__": operator.gt, "__ge__": operator.ge, "__add__": operator.add, "__mul__": operator.mul,
    "__sub__": operator.sub, "__or__": operator.or_, "__and__": operator.and_, "__xor__": operator.xor,
    "__pos__": operator.pos, "__neg__": operator.neg, "__abs__": operator.abs, "__invert__": operator.invert,
    "__floordiv__": operator.floordiv, "__mod__": operator.mod, "__truediv__": operator.truediv,
    "__divmod__": divmod, "__pow__": pow, "__lshift__": operator.lshift, "__rshift__": operator.rshift,
    "__bool__": bool, "__int__": int, "__float__": float, "__str__": str, "__round__": round,
    "__trunc__": math.trunc, "__floor__": math.floor, "__ceil__": math.ceil, "__index__": operator.index,
}
# With the object on the right.
REFLECTED = {
    "__radd__": operator.add, "__rsub__": operator.sub, "__rmul__": operator.mul, "__rtruediv__": operator.truediv,
    "__rfloordiv__": operator.floordiv, "__rmod__": operator.mod, "__rdivmod__": divmod, "__rpow__": pow,
    "__rand__": operator.and_, "__ror__": operator.or_, "__rxor__": operator.xor, "__rlshift__": operator.lshift,
    "__rrshift__": operator.rshift,
}
# Attributes, which are methods here.
PARTS = {"real", "imag", "numerator", "denominator", "start", "stop", "step", "maps", "parents"}
IN_PLACE = {
    "__iadd__": operator.iadd, "__imul__": operator.imul, "__ior__": operator.ior, "__iand__": operator.iand,
    "__isub__": operator.isub, "__ixor__": operator.ixor,
}
# What the wire cannot tell from a map, where the other side has to be of the same type.
SAME_TYPE = {"Counter": (Counter, dict)}
BETWEEN = {"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__add__", "__sub__", "__or__", "__and__",
           "__xor__", "__ror__", "__rand__", "__rsub__", "__rxor__", "__ior__", "__iand__", "__isub__", "__ixor__"}


def incr(obj, key, by=1):
    if not all(isinstance(n, (int, float)) for n in (obj.get(key, 0), by)):
        raise TypeError("not a number")
    obj[key] = obj.get(key, 0) + by
    return obj[key]


def compare_and_set(obj, key, expected, new):
    same = obj.get(key) == expected
    if same:
        obj[key] = new
    return same


def pop_or(obj, key, default):
    return obj.pop(key, default)


def pop_this(obj, element):
    """set.pop takes whichever it likes; this is the one that the service took."""
    obj.remove(element)
    return element


def sort(obj, reverse=False, key=None):
    obj.sort(reverse=reverse, key=key)


def elements(obj):
    """As Counter.elements, but giving up before memory does."""
    result = []
    for element, count in obj.items():
        copies = itertools.repeat(element, count)
        if count > 0 and len(result) + count > 1_000_000:
            raise MemoryError
        result.extend(copies)
    return result


def fits(value):
    """Whether every integer in it has 65,536 bits at most, as the service's have."""
    if isinstance(value, int):
        return value.bit_length() <= 65_536
    if isinstance(value, dict):
        return all(fits(key) and fits(element) for key, element in value.items())
    return all(fits(element) for element in value) if isinstance(value, (list, tuple, set, deque)) else True


def function(kind, obj, name, args, named):
    """One of a module's; of a heap and a sorted list, those that take the list as their first argument."""
    if name in FIRST_OF_ALL:
        args = [obj, *args]
    module = next(module for module in (heapq, bisect, builtins) if hasattr(module, name))
    result = getattr(module, name)(*args, **named)
    return obj, list(result) if isinstance(result, LAZY) else result


FUNCTIONS = {"functions", "heap", "sorted list"}
FIRST_OF_ALL = {"heappush", "heappop", "heappushpop", "heapreplace", "heapify", "bisect", "bisect_left", "bisect_right", "insort",
                "insort_left", "insort_right"}
LAZY = (enumerate, zip, reversed, type(heapq.merge()), type(reversed([])), type(reversed({})), type(reversed(range(0))))

EXTRA = {"incr": incr, "compare_and_set": compare_and_set, "pop_or": pop_or, "pop_this": pop_this, "maxlen": lambda d: d.maxlen,
         "elements": elements}


def parse(text):
    value = ast.literal_eval(text)
    if isinstance(value, dict) and list(value) == ["slice"]:
        parts = value["slice"]
        if isinstance(parts, list) and 1 <= len(parts) <= 3:
            return slice(*parts)
    if isinstance(value, dict) and list(value) == ["real", "imag"]:
        return complex(**value)
    if isinstance(value, dict) and list(value) == ["start", "stop", "step"]:
        return range(*value.values())
    return value


def plain(value):
    """As it looks on the wire."""
    if isinstance(value, bytearray):
        return bytes(value)
    if isinstance(value, ChainMap):
        return [plain(element) for element in value.maps]
    if isinstance(value, frozenset):
        return set(value)
    if isinstance(value, complex):
        return {"real": value.real, "imag": value.imag}
    if isinstance(value, range):
        return {"start": value.start, "stop": value.stop, "step": value.step}
    if isinstance(value, dict):
        return {key: plain(element) for key, element in value.items()}
    if isinstance(value, itertools.count):
        return repr(value)
    if isinstance(value, tuple):
        return tuple(plain(element) for element in value)
    if isinstance(value, (list, deque, KeysView, ValuesView, ItemsView)):
        return [plain(element) for element in value]
    return value


def written(value):
    """As repr, and a set in the order of what is written of its elements."""
    if isinstance(value, set) and value:
        return "{" + ", ".join(sorted(repr(whole(element)) for element in value)) + "}"
    return repr(value)


def whole(value):
    """Equal elements of a set are one; which of them stays is not compared."""
    if isinstance(value, tuple):
        return tuple(whole(element) for element in value)
    if isinstance(value, (bool, float)) and value == value and abs(value) < 1e300 and value == int(value):
        return int(value)
    return value


def apply(kind, obj, name, args, named):
    if kind in FUNCTIONS:
        return function(kind, obj, name, args, named)
    if kind == "count":
        return obj, next(obj) if name == "next" else OPERATORS[name](obj)
    if name in BETWEEN and kind in SAME_TYPE:
        same, from_wire = SAME_TYPE[kind]
        try:
            args = [same(arg) if isinstance(arg, from_wire) else arg for arg in args]
        except TypeError:
            # A list that cannot be a set is not equal to one either.
            if name not in ("__eq__", "__ne__"):
                raise
    if name in ("pop", "pop_or") and isinstance(obj, (dict, ChainMap)) and args:
        # An empty dict does not look at the key, a service's does.
        hash(args[0])
    if kind in ("int", "float") and name in ("value", "__float__"):
        return obj, float(obj) if name == "__float__" else obj
    if kind in ("int", "float") and name in ("__mul__", "__rmul__", "__rmod__") and isinstance(args[0], (str, bytes, list, tuple)):
        raise TypeError("a number times a sequence is for the sequence to do")
    if name in PARTS:
        return obj, getattr(obj, name)
    if name == "__rpow__" and isinstance(args[0], int) and isinstance(obj, int) and abs(args[0]) > 1 and obj > 100_000:
        raise OverflowError("more digits than memory has")
    if kind == "range" and name == "__reversed__":
        return obj, obj[::-1]
    if name in ("__pow__", "__rpow__") and kind != "complex":
        power = obj ** args[0] if name == "__pow__" else args[0] ** obj
        if isinstance(power, complex):
            raise ValueError("complex")
        return obj, power
    if name in IN_PLACE:
        return IN_PLACE[name](obj, *args), None
    if name == "__rlshift__" and obj > 100_000 and args[0] not in (0, 0.0) and isinstance(args[0], int):
        raise OverflowError("more digits than memory has")
    if name in REFLECTED:
        return obj, REFLECTED[name](args[0], obj)
    if name in OPERATORS:
        return obj, OPERATORS[name](obj, *args)
    if name in EXTRA:
        return obj, EXTRA[name](obj, *args, **named)
    if name == "sort":
        return obj, sort(obj, *args, **named)
    return obj, getattr(obj, name)(*args, **named)


def shown(kind, obj):
    return list(reversed(obj)) if kind == "tuple" and obj is not None else plain(obj)


def outcome(run, words=False):
    try:
        result = run()
        if not fits(result):
            raise OverflowError
        return None, result
    except Exception as error:  # noqa: BLE001, its kind is the result
        return f"{type(error).__name__}: {error}" if words else type(error).__name__, None


def main():
    sys.set_int_max_str_digits(0)
    for line in sys.stdin:
        batch = json.loads(line)
        kind = batch["type"]
        error, obj = outcome(lambda: TYPES[kind](*[parse(arg) for arg in batch["init"]]))
        replies = [[error, "None", written(shown(kind, obj))]]
        for name, args, named in batch["ops"] if error is None else []:
            # What fails changes nothing.
            before = copy.copy(obj)
            error, result = outcome(lambda: apply(kind, obj, name, [parse(arg) for arg in args],
                                                  {key: parse(arg) for key, arg in named}),
                                    kind in FUNCTIONS)
            obj, result = result if error is None else (before, None)
            replies.append([error, written(plain(result)), written(shown(kind, obj))])
        print(json.dumps(replies), flush=True)


main()
