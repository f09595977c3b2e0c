"""Every sentence of an error stands in the tables of Chinese, and none that no error uses."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from qzrisk import assets, errors, files
from qzrisk.project import reading
from qzrisk.text import sentences

ROOT = Path(__file__).parents[1]
CLASSES = {name for name, thing in vars(errors).items()
           if isinstance(thing, type) and issubclass(thing, errors.QzriskError)}
# Functions that pass words on to an error -> which argument, by name and place, is which.
MAKERS = {"unreadable": {"got": 1, "mend": 2}, "_refused": {"what": 0, "expected": 3}}
TABLE_OF = {"what": "what", "mend": "mend", "expected": "values", "got": "values"}
# Words that do not stand at the raise, and f-strings that carry more than values: file, part and
# expression -> the sentences that come of it.
ELSEWHERE = {
    ("analysis/zonal/fractions.py", "what", "what"): (
        "a zone that is no polygon", "an invalid zone"),
    ("files.py", "what", "WRITE_FAULT"): ("cannot write the file",),
    ("files.py", "mend", "_MEND.get(error.errno or 0, "
     "'close programs that hold the file open, then try again')"): (
        *files._MEND.values(), "close programs that hold the file open, then try again"),
    ("grid/handle.py", "mend", "mend"): (),  # code
    ("layers/archive.py", "what", "what"): (),  # at the calls of _refused
    ("layers/positions.py", "what", "words"): tuple(
        "the file says {}, but its coordinates ({}) do not lie where that is used; they look like "
        + words for words in (
            "no CRS known here", "{}", "{} (x and y in the other order)",
            "one of {}: only the project's area can tell which",
            "one of {}: only the project's area can tell which (x and y in the other order)")),
    ("layers/returned.py", "what", "words"): (
        "a number of {} is no row of the file", "a number of {} stands twice"),
    ("layers/tables/__init__.py", "got", "f'an empty sheet {source.sheet}'.strip()"): (
        "an empty sheet", "an empty sheet {}"),
    ("layers/tables/source.py", "mend", "mend"): (),  # at the calls of unreadable
    ("layers/vectors/reading.py", "mend", "mend"): (),  # at the calls of unreadable
    ("maps/spec.py", "what", "unknown {}"): (
        "unknown audience", "unknown language", "unknown variant"),
    ("pipeline/load.py", "mend", "first['suggestion']"): (),  # a finding, in the project's language
    ("pipeline/risk/measures.py", "mend", "set source to a {}"): (
        "set source to a layer", "set source to a raster", "set source to a table"),
    ("pipeline/risk/measures.py", "what", "indicator without its {}"): (
        "indicator without its layer", "indicator without its raster",
        "indicator without its table"),
    ("pipeline/risk/measures.py", "expected", "a {}"): ("a layer", "a raster", "a table"),
    ("project/checks.py", "what", "{} must be positive and differ by whole {}"): (
        "thresholds_m must be positive and differ by whole metres",
        "thresholds_min must be positive and differ by whole minutes"),
    ("project/reading.py", "what", "{} must be {}"): tuple(
        f"{{}} must be {words}" for _, words in reading._KINDS.values()),
    ("rules/__init__.py", "what", "unknown {}"): ("unknown entry", "unknown rule pack"),
    ("units.py", "what", "the parent of a {} must be a {}"): (
        "the parent of a county must be a city", "the parent of a town must be a county",
        "the parent of a village must be a town"),
    ("units.py", "what", "where"): ("level must be one of {}", "unit_id occurs twice"),
}
PROSE = re.compile("[a-z]+ [a-z]{2,}")


def leaves(node):
    """Every text an expression may be: both ends of a condition, values of an f-string as {}."""
    if isinstance(node, ast.IfExp):
        return leaves(node.body) | leaves(node.orelse)
    if isinstance(node, ast.BoolOp):
        return set().union(*map(leaves, node.values))
    if isinstance(node, ast.Constant):
        return {node.value} if isinstance(node.value, str) else set()
    if isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        return {re.sub("({})+", "{}", "".join(parts))}
    return {node}


def words_of(call):
    """Yield which part of an error each argument of a call is, and the argument."""
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    places = {"what": 0} if name in CLASSES else MAKERS.get(name)
    if places is None:
        return
    for part, place in places.items():
        if place < len(call.args):
            yield part, call.args[place]
    for keyword in call.keywords:
        if keyword.arg in TABLE_OF:
            yield keyword.arg, keyword.value


def defaults_of(function):
    if function.name in MAKERS:
        arguments = function.args
        named = [*arguments.args[len(arguments.args) - len(arguments.defaults):],
                 *arguments.kwonlyargs]
        given = [*arguments.defaults, *arguments.kw_defaults]
        for argument, default in zip(named, given, strict=True):
            if argument.arg in TABLE_OF and default is not None:
                yield argument.arg, default


@cache
def said():
    """Return every sentence that errors say: (table, sentence) -> where; and what is unresolved."""
    sentences_at, unknown, used = {}, [], set()
    for path in sorted((ROOT / "qzrisk").rglob("*.py")):
        file = path.relative_to(ROOT / "qzrisk").as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            pairs = (words_of(node) if isinstance(node, ast.Call)
                     else defaults_of(node) if isinstance(node, ast.FunctionDef) else ())
            for part, value in pairs:
                for words in leaves(value):
                    source = ast.unparse(words) if isinstance(words, ast.AST) else words
                    known = ELSEWHERE.get((file, part, source))
                    used.add((file, part, source))
                    if known is None and isinstance(words, ast.AST):
                        if part in ("what", "mend") and source != "None":
                            unknown.append(f"{file}:{node.lineno}: {part} = {source}")
                        continue
                    for sentence in (words,) if known is None else known:
                        sentences_at.setdefault((TABLE_OF[part], sentence),
                                                f"{file}:{node.lineno}")
    return sentences_at, unknown, set(ELSEWHERE) - used


def test_words_of_every_raise_are_known():
    _, unknown, unused = said()
    assert unknown == [], "list their sentences under ELSEWHERE"
    assert unused == set()


def test_every_sentence_has_its_chinese():
    lacking = [f"{at}: {table}.toml lacks {sentence!r}"
               for (table, sentence), at in said()[0].items()
               if sentence not in sentences.sentences(table)
               and (table == "what" or PROSE.search(sentence))]
    assert lacking == []


@pytest.mark.parametrize("table", sentences.TABLES)
def test_no_sentence_is_stale(table):
    live = {sentence for where, sentence in said()[0] if where == table}
    assert set(sentences.sentences(table)) - live == set()


@pytest.mark.parametrize("table", sentences.TABLES)
def test_chinese_takes_each_value_of_the_english(table):
    for english, words in sentences.sentences(table).items():
        assert {int(n) for n in re.findall(r"{(\d)}", words)} == set(
            range(english.count("{}"))), english
        assert re.search("[\u4e00-\u9fff]", words), english
        assert not re.search("[\u4e00-\u9fff][,;:?]", words), f"{english}: marks of Chinese text"


@pytest.mark.parametrize("table", sentences.TABLES)
def test_a_page_can_print_every_sentence(table):
    assert assets.missing_glyphs("".join(sentences.sentences(table).values())) == ""


def test_the_sentence_with_most_words_is_taken():
    assert sentences.chinese("mend", "add [slope] with limit and hazards") == (
        "补写 [slope]，其中有 limit 和 hazards")
    assert sentences.chinese("mend", "add slope = ...") == "补写 slope = ..."
    assert sentences.chinese("mend", "add slope, rain") == "补上 slope, rain"


def test_values_are_taken_as_they_are():
    assert sentences.chinese("what", r"missing key '{0} \1 .* {}'") == r"缺少键 '{0} \1 .* {}'"
    assert sentences.chinese("what", "bad value of 'a\nb'") == "'a\nb' 的值不对"


def test_order_of_values_may_differ():
    assert sentences.chinese("values", "3 of 10 rows") == "10 行中的 3 行"


def test_unknown_words_stay_english():
    error = errors.ConfigError("the moon is made of cheese", where="sky", expected=3, got="2 {0}",
                               mend="look again")
    assert error.said("zh") == (
        "the moon is made of cheese；位置：sky；应为：3；实为：2 {0}；处理：look again")
