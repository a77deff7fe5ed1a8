"""Writes re_fullmatch.json, what Python's re.fullmatch says: python3 tests/data/re_fullmatch.py

Made with CPython 3.11. The tests read the table and need no Python.
"""

import json
import re
import sys
import warnings
from pathlib import Path

KEYS = [
    "", "k", "v", "wo", "o", "q_proj", "Q_PROJ", "kk", "aa", "aab", "ab", "abc", "a", "b", "abab", "a b", "a-b", "a.b",
    "a&b", "&", "[a", "a]", "[a]", ":", "<k>", "{", "a{", "a{2}", "a{,2}", "a{x}", "#", "a#b", "\\", "\x08", "é", "1",
    "a1", "_", "A", "^", "~", "-", "'", "xay", "(a)", "k v",
    "encoder.block.0.layer.0.SelfAttention.k",
    "encoder.block.10.layer.0.SelfAttention.v",
    "encoder.block.0.layer.1.DenseReluDense.wo",
    "decoder.block.1.layer.1.EncDecAttention.q",
    "decoder.block.1.layer.2.DenseReluDense.wi_1",
    "transformer.h.11.attn.c_attn",
    "transformer.h.1.mlp.c_proj",
    "bert.encoder.layer.3.attention.output.dense",
    "bert.encoder.layer.3.output.dense",
    "model.layers.7.self_attn.q_proj",
    "model.layers.7.mlp.down_proj",
    "lm_head",
]

PATTERNS = r"""
k
k|v
.*
.+
.*\.k
.*\.(k|v)
.*\.(k|v)$
^.*\.(k|v)$
.*(SelfAttention|EncDecAttention).*(k|v|q)$
.*decoder.*(SelfAttention|EncDecAttention)\.(q|v)|encoder.*DenseReluDense\.(wi|wo)
.*SelfAttention|.*EncDecAttention|.*DenseReluDense
.*\.layer\.[0-4]\..*
.*\.layers\.\d+\..*
.*h\.(1|11)\..*
.*h\.1[0-9]\..*
.*[qk]_proj
.*[^k]
[a-c]+
[^a-z]
\w+
\W
\d
\D
\s
\S+
.*\bk
.*\b.proj
.*\Bproj
\Aaab\Z
\Aaab$
aab\Z
a{2}
a{2}b?
a{1,}b
a{,2}
a{,2}b
a{,}
a{,}b
a{
a{x}
a{2
{
{}
a{}
\{
a\{2\}
a{2}{2}
a{3,2}
a{2,2}
a{02}
a{1,2
a{1 }
a**
a*?b
a+?b
a??b
a*+
a*+a
a++b
a++ab
a?+ab
a{1,2}+b
a{1,2}+ab
a+*
*a
+
?
^*a
\b+k
(?:)*k
()*k
(a
a)
(a))
a)(?:b
[a
[]a]
[]a]+
[^]a]
[]
[a-]
[-a]
[a\-b]
[b-a]
[\d-z]
[a-\d]
[\w-]
[\b]
[\]]
[\[a]+
[[a]
[[a]]
[[:alpha:]]
[[:alpha:]]+
[a&&b]
[a&b]
[&]
[~]
[a~~b]
[a--b]
[+--]
[a||b]
[|a]
[\\]
[^\W\d]
[\x61-\x63]+
[\A]
[\Z]
[\1]
[\8]
[.]
[a^]
[\<]k>
\<k\>
<k>
\_
\-
\#
a\#b
\&
\~
\'
\ 
a\ b
\é
é
\x61
\x6
\x{61}
\u0061
\u{61}
\u00
\U00000061
\U0061
\141
\061
\0
\07
\1
(a)\1
(a)\1b
(ab)\1
(a)(b)\2
(a)\2
(a)|b\1
(a?)\1
(?:a|(b))\1
(?P<n>a)(?P=n)
(?P<n>a)(?P=n)b
(?P<n>ab)(?P=n)
(?P<n>a)(?P=m)
(?P<n>a)(?P<n>a)
(?P<1>a)
(?P<>a)
(?P<a.b>a)
(?P<n_1>ab)c
(?P>n)
(?<n>a)
(?'n'a)
(?|a|b)
(?&n)
(?R)
(?1)
\g<1>
\k<n>
\K
\G
\R
\X
\h
\z
a\z
\Qa\E
\pL
\p{L}
\P{L}
\N{DIGIT ONE}
\N
\e
\cA
\a
\f
\y
(?=a)a
(?=a)ab|b
(?!a)b
(?!encoder).*\.q
^(?!.*lm_head).*$
.*(?<!output\.)dense
.*(?<=attention\.output\.)dense
.*(?<!attention\.)output\.dense
(?<=a)b
a(?<=a)b
a(?<!b)b
a(?<=a|b)b
a(?<=a|bc)b
(?<=a+)b
(?>a*)ab
(?>a|ab)c
(?>ab|a)c
(a)?(?(1)b|k)
(a)?(?(1)b)
(?P<n>a)?(?(n)b|k)
(?(1)a|b)(c)
(a)(?(2)b|c)
(?#comment)k
k(?#comment)
a(?#comment)b
a(?#comment)+
a(?#comment
(a)\1(?#c)0
(?i)q_proj
(?i)K
(?i:k)
(?i:Q)_proj
(?-i:k)
(?i)(?-i:k)
(?i)a(?-i:B)
k(?i)
.*(?i)K
(?i)(?s)K
(?s).*
(?m)^k$
(?u)k
(?a)k
(?L)k
(?U)k
(?i-s:K)
(?-i)k
(?i-)k
(?i-:k)
(?)k
(?:k
(?z)k
(?ii)K
(?x) a b
(?x) a\ b
(?x) a[ ]b
(?x) a b # comment
(?x) a # comment )
(?x)a[#]b
(?x) a + b
(?x) a{ 2 }
(?x) a{2} b
(?x)( ?:a)b
(?x: a b )
(?x: a b # comment )
(?x:a)(?-x: )b
(?x)a(?-x: )b
 (?x)a
(?ix) A B
(?:(?i)k)
(?:(?i:K)|V)
a(?i:B)
|k
k|
a||b
(|k)v?
()
.
..
a.b
a\.b
^k
^^k
k$$
$
^
^$
k\b
\Bk
\b{start}k
k\b{2}
k\B{
(?:k){1}
(?:a(?:b(?:c)))
(a)(b)?(c)?
(.)\1
(.).\1
a]
]
\]
a}
}
\}
-
:
'
\\
\
k\
a|*
(*a)
(?:*)
(+)
x*
x*ay?
""".strip("\n").split("\n")


def row(pattern):
    try:
        regex = re.compile(pattern)
    except re.error as error:
        return {"pattern": pattern, "error": error.msg}
    return {"pattern": pattern, "matches": [key for key in KEYS if regex.fullmatch(key)]}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    assert len(PATTERNS) == len(set(PATTERNS)) and sys.version_info[:2] == (3, 11)
    rows = [json.dumps(row(pattern)) for pattern in PATTERNS]
    text = '{"keys": %s,\n"cases": [\n%s\n]}\n' % (json.dumps(KEYS), ",\n".join(rows))
    (Path(__file__).parent / "re_fullmatch.json").write_text(text)
