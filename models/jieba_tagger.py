"""jieba's part-of-speech flags as a `Tagger`: nr is a person, nt an organisation, ns a place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from models.adapting import chunks, import_package
from models.jieba_names import Piece, find_mentions, without_cut_names, word_rows
from models.tagger import Mention


class JiebaTagger:
    """The names that jieba's accurate mode flags, where their borders are plain.

    Written forms: 赵远山, 赵某, 赵某某, 赵某甲, 赵**, 赵××, 艾力·买买提; 岚溪市, 岚溪市公安局.
    Its tokenizer is its own: the words added here do not reach a program that uses jieba too, and
    no cache of the dictionary is read from or left in the temporary folder.
    """

    @property
    def name(self) -> str:
        """The version of jieba, such as "jieba:0.42.1".

        Raises:
            TaggerError: jieba is not installed.
        """
        return f"jieba:{import_package('jieba', 'jieba').__version__}"

    @cached_property
    def _cutter(self) -> Any:
        jieba = import_package("jieba", "jieba")
        posseg = import_package("jieba.posseg", "jieba")
        tokenizer = jieba.Tokenizer()
        # `initialize` would trust, and leave behind, a marshalled file that others can write to.
        tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
        tokenizer.initialized = True
        for row in word_rows():
            if row.flag:
                tokenizer.add_word(row.word, tag=row.flag)
        return posseg.POSTokenizer(tokenizer)

    def tag(self, text: str) -> Sequence[Mention]:
        """Return the persons, organisations and places of `text`, in order.

        Raises:
            TaggerError: jieba is not installed.
        """
        mentions = [
            mention
            for start, end in chunks(text)
            for mention in find_mentions(list(self._pieces(text[start:end], start)))
        ]
        return without_cut_names(text, mentions)

    def _pieces(self, text: str, start: int) -> Iterator[Piece]:
        for word, flag in self._cutter.cut(text):
            yield Piece(word, flag, start, known=bool(self._cutter.FREQ.get(word)))
            start += len(word)
