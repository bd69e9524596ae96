//! Random numbers and values that are the same for the same seed.

use tarmem_remote::Value;
use tarmem_remote::args::Args;
use tarmem_remote::value::Integer;

/// SplitMix64 (Steele, Lea and Flood, 2014).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    pub(crate) fn small(&mut self) -> i64 {
        self.below(9) as i64 - 3
    }

    /// A value that can be a key.
    pub(crate) fn scalar(&mut self) -> Value {
        match self.below(17) {
            0 => Value::Null,
            1 => self.one_in(2).into(),
            2 => self.pick(&[0.5, -2.25, 1e300, 1e-7, 123456789.125, 1e16]).into(),
            3 => (self.small() as f64).into(),
            4 => Value::Bytes(self.pick(&[&b""[..], b"x", b"a'b\x00\xff", b"\"'"]).to_vec()),
            5 => Value::from(self.pick(&[1 << 70, -(1 << 63), (1 << 53) + 1, i128::MAX / 4])),
            6..=9 => self.pick(&["a", "b", "c", "", "é'", "\n\\\"", "ab", "😀"]).into(),
            10 => Value::Tuple((0..self.below(3)).map(|_| self.scalar()).collect()),
            _ => self.small().into(),
        }
    }

    /// Any value, sometimes a list, a tuple or a map.
    pub(crate) fn value(&mut self) -> Value {
        match self.below(15) {
            0 => Value::List((0..self.below(3)).map(|_| self.small().into()).collect()),
            1 => [("a", self.small())].map(|(key, value)| (key.into(), value.into())).to_vec().into_map(),
            2 => Value::List(vec![self.scalar()]),
            3 => Value::Tuple((0..self.below(3)).map(|_| self.value()).collect()),
            _ => self.scalar(),
        }
    }

    /// Mostly numbers, so that they can be ordered.
    pub(crate) fn orderly(&mut self, texts: bool) -> Value {
        match (self.below(30), texts) {
            (0, _) => self.scalar(),
            (_, true) => self.pick(&["a", "b", "ab", "", "B", "é", "zz"]).into(),
            (1..=4, _) => (self.small() as f64 / 2.0).into(),
            (5, _) => self.one_in(2).into(),
            _ => self.small().into(),
        }
    }

    /// A text with spaces, line ends, upper case, and characters beyond ASCII.
    pub(crate) fn text(&mut self) -> Value {
        let letters = ["a", "a", "b", "A", "B", "ß", "é", " ", " ", "\t", "\n", "\r", "1", "-", "+", "😀", "ab", "aba"];
        (0..self.below(9)).map(|_| self.pick(&letters)).collect::<String>().into()
    }

    /// A text to search for.
    pub(crate) fn short_text(&mut self) -> Value {
        self.pick(&["a", "b", "ab", "aba", "aa", "", " ", "\n", "é", "B", "abab"]).into()
    }

    /// As [`text`](Self::text), in bytes.
    pub(crate) fn bytes(&mut self) -> Value {
        let letters =
            [&b"a"[..], b"a", b"b", b"A", b"B", b"\xff", b" ", b"\t", b"\n", b"\r", b"1", b"-", b"\x0c", b"aba"];
        Value::Bytes((0..self.below(9)).flat_map(|_| self.pick(&letters).to_vec()).collect())
    }

    /// Bytes to search for.
    pub(crate) fn short_bytes(&mut self) -> Value {
        Value::Bytes(self.pick(&[&b"a"[..], b"b", b"ab", b"aba", b"aa", b"", b" ", b"\n", b"\xff"]).to_vec())
    }

    /// An integer of at most 128 bits.
    fn wide(&mut self) -> i128 {
        (i128::from(self.next()) << 64 | i128::from(self.next())) >> self.below(128)
    }

    /// An integer of any length.
    pub(crate) fn integer(&mut self) -> Integer {
        match self.below(9) {
            0..=2 => self.small().into(),
            // Sometimes near a power of two.
            3 => {
                let power = Integer::new(1).shift_left(self.below(2200) as u64).expect("it is within the limit");
                let near = power.add(&self.small().into()).expect("it is within the limit");
                if self.one_in(2) { near.negate() } else { near }
            }
            4 => {
                let bytes: Vec<u8> = (0..self.below(60)).map(|_| self.next() as u8).collect();
                Integer::from_signed_bytes_le(&bytes).expect("it is within the limit")
            }
            _ => self.wide().into(),
        }
    }

    /// A float, whole or not.
    pub(crate) fn float(&mut self) -> f64 {
        match self.below(7) {
            0 => self.small() as f64,
            // Half way between two whole numbers, or two hundreds.
            3 => self.small() as f64 * self.pick(&[0.5, 50.0, 0.125]),
            1 => self.pick(&[0.1, -0.1, 1e308, -1e308, 1e-308, 1e16, 1e22, 123456.789, -0.0]),
            2 => self.wide() as f64,
            _ => (self.next() as f64 / 1e19 - 0.5) * 10f64.powi(self.below(30) as i32 - 15),
        }
    }

    /// A number, and sometimes something else.
    pub(crate) fn number(&mut self) -> Value {
        match self.below(12) {
            0 => self.scalar(),
            1 => self.one_in(2).into(),
            2..=5 => self.float().into(),
            _ => Value::from(self.integer()),
        }
    }

    /// A text that is a number, or nearly one.
    pub(crate) fn numeral(&mut self) -> Value {
        match self.below(4) {
            0 => self.integer().to_string().into(),
            1 => format!("{:?}", self.float()).into(),
            _ => {
                let parts = ["1", "0", "23", "_", "-", "+", ".", "e5", "E-3", " ", "x", "inf", "nan", "9"];
                (0..1 + self.below(4)).map(|_| self.pick(&parts)).collect::<String>().into()
            }
        }
    }

    /// A text that is a float in hexadecimal, or nearly one; sometimes near the limits of floats.
    pub(crate) fn hexadecimal(&mut self) -> Value {
        let sign = self.pick(&["", "", "-", "+", " "]);
        let prefix = self.pick(&["0x", "0X", "", "x"]);
        let mut digits = |most: usize| {
            let zeros = "0".repeat(if self.one_in(4) { self.below(40) } else { 0 });
            let digits: String = (0..self.below(most)).map(|_| self.pick(&["0", "1", "8", "f", "A", "7"])).collect();
            format!("{zeros}{digits}")
        };
        let (above, below) = (digits(20), digits(20));
        let point = self.pick(&[".", ".", ".", ""]);
        let exponent = match self.below(6) {
            0 => String::new(),
            1 => format!("p{}", self.below(2300) as i64 - 1150),
            2 => format!("P{:+}", -1074 + self.below(30) as i64 - 15),
            3 => format!("p{}", 1023 + self.below(30) as i64 - 15),
            4 => self.pick(&["p", "p+", "pp1", "p1.0", "p99999999999999999999", "p-99999999999999999999"]).to_owned(),
            _ => format!("p{}", self.small()),
        };
        match self.below(30) {
            0 => self.pick(&["inf", "-Infinity", "nan", "0x", ".", "", "infx", "0x.p1"]).into(),
            _ => format!("{sign}{prefix}{above}{point}{below}{exponent}").into(),
        }
    }

    /// An index: mostly near, sometimes far, sometimes not an index at all.
    pub(crate) fn index(&mut self) -> Value {
        match self.below(24) {
            0 => Value::from(self.pick(&[i128::MAX, i128::MIN, 1 << 63, -(1 << 63), (1 << 63) - 1, 1 << 40])),
            1 => self.one_in(2).into(),
            2 => self.pick(&[Value::from("a"), Value::from(1.0), Value::Null, Value::List(vec![])]),
            _ => (self.below(24) as i64 - 12).into(),
        }
    }

    /// A slice.
    pub(crate) fn slice(&mut self) -> Value {
        let parts: Vec<Value> = (0..1 + self.below(3))
            .map(|_| match self.below(12) {
                0..=2 => Value::Null,
                3 => self.index(),
                _ => (self.below(20) as i64 - 10).into(),
            })
            .collect();
        vec![("slice".into(), Value::List(parts))].into_map()
    }

    /// The argument, or sometimes null or something else instead.
    pub(crate) fn optional(&mut self, argument: Value) -> Value {
        match self.below(4) {
            0 => Value::Null,
            1 => self.pick(&[5.into(), "x".into(), false.into(), 1.5.into()]),
            _ => argument,
        }
    }

    /// A spec for `format`, or nearly one.
    pub(crate) fn format_spec(&mut self) -> String {
        let mut spec = String::new();
        if self.one_in(3) {
            spec += self.pick(&["", "*", "0", "é", " ", "{"]);
            spec += self.pick(&["<", ">", "^", "="]);
        }
        for (odds, parts) in [
            (3, &["+", "-", " "][..]),
            (12, &["z"]),
            (4, &["#"]),
            (3, &["0"]),
            (2, &["1", "6", "7", "12", "13", "25", "40"]),
            (3, &[",", "_", ",", "_", ",_", "_,"]),
            (3, &[".0", ".1", ".3", ".6", ".17", ".30", "."]),
            (2, &["d", "e", "f", "g", "E", "F", "G", "%", "n", "b", "o", "x", "X", "c", "s", "r", "dd"]),
        ] {
            if self.one_in(odds) {
                spec += self.pick(parts);
            }
        }
        spec
    }

    /// A text with fields, or nearly, for the names in [`fields`](Self::fields).
    pub(crate) fn template(&mut self) -> Value {
        let mut text = String::new();
        for _ in 0..1 + self.below(4) {
            text += &match self.below(12) {
                0 => self.pick(&["{{", "}}", "a", "é", " "]).to_owned(),
                1 => self
                    .pick(&["{", "}", "{}", "{0}", "{a", "{a!", "{a!r", "{a!x}", "{a!rr}", "{a:{", "{[0]}"])
                    .to_owned(),
                2 => self
                    .pick(&[
                        "{l[0]}", "{l[9]}", "{l[x]}", "{m[k]}", "{m[0]}", "{m[z]}", "{l[]}", "{l[0}", "{l[0]x}",
                        "{a[0]}", "{t[1]}",
                    ])
                    .to_owned(),
                3 => self
                    .pick(&["{n:{w}}", "{x:{w}.{p}f}", "{n:{f}>{w}}", "{n:{w[0]}}", "{n:{l[0]:{w}}}", "{a.zz}", "{a.}"])
                    .to_owned(),
                4 => self
                    .pick(&["{a!r}", "{t!s:>9}", "{t!a}", "{l!r:>20}", "{none}", "{none:5}", "{l}", "{l:>9}", "{m}"])
                    .to_owned(),
                5 => "{missing}".to_owned(),
                _ => {
                    let name = self.pick(&["a", "n", "x", "t", "b"]);
                    format!("{{{name}:{}}}", self.format_spec().replace('{', "*"))
                }
            };
        }
        text.into()
    }

    /// A text with numbered fields, or nearly, for arguments by position and by name.
    pub(crate) fn numbered_template(&mut self) -> Value {
        let by_hand = self.one_in(2);
        let mut text = String::new();
        for _ in 0..1 + self.below(5) {
            let number = if by_hand { self.pick(&["0", "1", "2", "3"]) } else { "" };
            text += &match self.below(12) {
                0 => self.pick(&["{", "}", "{-1}", "{ 0}", "{0x}", "{9}", "{99999999999999999999}", "{٢}"]).to_owned(),
                1 => self.pick(&["{0}", "{}", "{n}", "{zz}"]).to_owned(),
                2 => format!("{{{number}[{}]}}", self.pick(&["0", "9", "x", "k", "٠", "", "99999999999999999999"])),
                3 => format!("{{{number}.{}}}", self.pick(&["real", "imag", "denominator", "real.imag", "zz", ""])),
                4 => format!("{{{number}:{{{}}}}}", if by_hand { "4" } else { "" }),
                5 => format!("{{n:{{{number}}}}}"),
                6 => format!("{{{number}!{}}}", self.pick(&["r", "s", "a", "r:>9", "x"])),
                7 => format!("{{{number}:{}}}", self.format_spec().replace(['{', '}'], "*")),
                _ => format!("{{{number}}}"),
            };
        }
        text.into()
    }

    /// Arguments for [`numbered_template`](Self::numbered_template).
    pub(crate) fn format_arguments(&mut self) -> Args {
        let list = Value::List(vec![self.small().into(), "é".into()]);
        let map = vec![(Value::from("k"), self.scalar()), (Value::from(0), self.scalar())].into_map();
        // A float with many digits would be a precision beyond the limit where it is used as a width.
        let number = if self.one_in(2) { self.small().into() } else { (self.small() as f64 / 2.0).into() };
        let by_place = vec![number, self.text(), list, map, 7.into()];
        let given = if self.one_in(8) { self.below(5) } else { 5 };
        Args::from(by_place.into_iter().take(given).collect::<Vec<_>>()).named("n", self.integer())
    }

    /// The values of the fields of a template.
    pub(crate) fn fields(&mut self) -> Value {
        let list = Value::List(vec![self.small().into(), "é".into()]);
        let map = vec![(Value::from("k"), self.scalar()), (Value::from(0), self.scalar())];
        [
            ("a", self.scalar()),
            ("n", Value::from(self.integer())),
            ("x", self.float().into()),
            ("t", self.text()),
            ("b", self.one_in(2).into()),
            ("none", Value::Null),
            ("w", 9.into()),
            ("p", 2.into()),
            ("f", "*".into()),
            ("l", list),
            ("m", map.into_map()),
        ]
        .map(|(name, value)| (name.into(), value))
        .to_vec()
        .into_map()
    }

    /// A short list of any values.
    pub(crate) fn list(&mut self, mut item: impl FnMut(&mut Self) -> Value) -> Value {
        Value::List((0..self.below(7)).map(|_| item(self)).collect())
    }

    /// As [`list`](Self::list), but a tuple.
    pub(crate) fn tuple(&mut self, item: impl FnMut(&mut Self) -> Value) -> Value {
        Value::Tuple(self.list(item).as_list().expect("a list").to_vec())
    }

    /// A small set.
    pub(crate) fn set(&mut self) -> Value {
        Value::set((0..self.below(7)).map(|_| self.scalar())).expect("all can be keys")
    }

    /// A small map of any values.
    pub(crate) fn map(&mut self, mut item: impl FnMut(&mut Self) -> Value) -> Value {
        (0..self.below(5)).map(|_| (self.scalar(), item(self))).collect::<Vec<_>>().into_map()
    }
}

pub(crate) trait IntoMap {
    fn into_map(self) -> Value;
}

impl IntoMap for Vec<(Value, Value)> {
    /// A repeated key is left out, since a literal cannot have it.
    fn into_map(self) -> Value {
        let mut entries: Vec<(Value, Value)> = Vec::new();
        for (key, value) in self {
            if !entries.iter().any(|(other, _)| tarmem_modules::python::equal(other, &key)) {
                entries.push((key, value));
            }
        }
        Value::Map(entries)
    }
}
