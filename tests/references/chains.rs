//! References to chains of maps.

use super::Row;

pub(crate) const CHAINS: &[Row] = &[
    ("builtins", "list", "$cm", "['b', 'a']"),
    ("builtins", "dict", "$cm", "{'b': 2, 'a': 1}"),
    ("builtins", "len", "$cm", "2"),
    ("builtins", "set", "$cm", "{'b', 'a'}"),
    ("builtins", "tuple", "$cm", "('b', 'a')"),
    ("builtins", "sorted", "$cm", "['a', 'b']"),
    ("builtins", "repr", "$cm", r#""ChainMap({'a': 1}, {'b': 2})""#),
    ("builtins", "max", "$cm", "'b'"),
    ("builtins", "any", "$cm", "True"),
    ("builtins", "enumerate", "$cm", "[(0, 'b'), (1, 'a')]"),
    ("builtins", "reversed", "$cm", "TypeError: 'ChainMap' object is not reversible"),
    ("builtins", "list", "$ce", "[]"),
    ("builtins", "sum", "$cm", "TypeError: unsupported operand type(s) for +: 'int' and 'str'"),
    ("cm", "__eq__", "$d", "True"),
    ("d", "__eq__", "$cm", "True"),
    ("d", "__eq__", "$ce", "False"),
    ("cm", "__eq__", "$c", "False"),
    ("d", "__or__", "$cm", "{'a': 1, 'b': 2}"),
    ("xs", "__add__", "$cm", r#"TypeError: can only concatenate list (not "ChainMap") to list"#),
    ("fs", "__or__", "$cm", "TypeError: unsupported operand type(s) for |: 'frozenset' and 'ChainMap'"),
    ("fs", "union", "$cm", "{1, 'b', 'a'}"),
    ("sp", "join", "$cm", "'bba'"),
    ("collections", "Counter", "$cm", "{'b': 2, 'a': 1}"),
    ("collections", "OrderedDict", "$cm", "{'b': 2, 'a': 1}"),
    ("xs", "__contains__", "$cm", "False"),
    ("builtins", "repr", "[$cm]", r#""[ChainMap({'a': 1}, {'b': 2})]""#),
    ("builtins", "str", "$cm", r#""ChainMap({'a': 1}, {'b': 2})""#),
];
