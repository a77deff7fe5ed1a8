//! The classes of transformers whose tokenizers are made of other files than `tokenizer.json`, or are changed by fields.

use super::config::TokenizerConfig;

/// A class of transformers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenizerClass {
    Bert,
    Roberta,
    Gpt2,
    Qwen2,
    GptNeoX,
    Llama,
    Gemma,
    XlmRoberta,
    Camembert,
    MBart,
    MBart50,
    Nllb,
    M2M100,
    Marian,
    Deberta,
    DebertaV2,
    T5,
    ByT5,
    Esm,
    /// `TokenizersBackend`, which takes `tokenizer.json` as it is, and a model of SentencePiece with all of its settings.
    Backend,
    /// Any other; its `tokenizer.json` is complete.
    Other,
}

use TokenizerClass::{
    Backend, Bert, ByT5, Camembert, Deberta, DebertaV2, Esm, Gemma, Gpt2, GptNeoX, Llama, M2M100, MBart,
    MBart50, Marian, Nllb, Other, Qwen2, Roberta, T5, XlmRoberta,
};

/// The names of classes, without `Fast`.
const NAMES: [(&str, TokenizerClass); 28] = [
    ("BertTokenizer", Bert),
    ("DistilBertTokenizer", Bert),
    ("ElectraTokenizer", Bert),
    ("RobertaTokenizer", Roberta),
    ("BartTokenizer", Roberta),
    ("GPT2Tokenizer", Gpt2),
    ("CodeGenTokenizer", Gpt2),
    ("Qwen2Tokenizer", Qwen2),
    ("GPTNeoXTokenizer", GptNeoX),
    ("T5Tokenizer", T5),
    ("MT5Tokenizer", T5),
    ("ByT5Tokenizer", ByT5),
    ("LlamaTokenizer", Llama),
    ("XLMRobertaTokenizer", XlmRoberta),
    ("MBartTokenizer", MBart),
    ("NllbTokenizer", Nllb),
    ("EsmTokenizer", Esm),
    ("GemmaTokenizer", Gemma),
    ("CamembertTokenizer", Camembert),
    ("MBart50Tokenizer", MBart50),
    ("M2M100Tokenizer", M2M100),
    ("MarianTokenizer", Marian),
    ("DebertaTokenizer", Deberta),
    ("DebertaV2Tokenizer", DebertaV2),
    ("TokenizersBackend", Backend),
    ("PreTrainedTokenizer", Backend),
    ("PythonBackend", Backend),
    ("BloomTokenizer", Backend),
];

/// The values of `model_type` with the class that transformers takes where no file names one.
const MODELS: [(&str, TokenizerClass); 34] = [
    ("bert", Bert),
    ("distilbert", Bert),
    ("electra", Bert),
    ("roberta", Roberta),
    ("bart", Roberta),
    ("gpt2", Gpt2),
    ("gptj", Gpt2),
    ("gpt_neo", Gpt2),
    ("opt", Gpt2),
    ("phi", Gpt2),
    ("gpt_neox", GptNeoX),
    ("qwen3", Qwen2),
    ("t5", T5),
    ("mt5", T5),
    ("xlm-roberta", XlmRoberta),
    ("mbart", MBart),
    ("esm", Esm),
    ("qwen3_moe", Qwen2),
    ("gemma", Gemma),
    ("gemma2", Gemma),
    ("gemma3", Gemma),
    ("gemma3_text", Gemma),
    ("camembert", Camembert),
    ("m2m_100", M2M100),
    ("marian", Marian),
    ("deberta", Deberta),
    ("deberta-v2", DebertaV2),
    ("bloom", Backend),
    ("falcon", Backend),
    ("llama", Backend),
    ("RefinedWeb", Backend),
    ("RefinedWebModel", Backend),
    ("smollm3", Backend),
    // Files that name no model.
    ("", Backend),
];

/// Models whose files transformers takes as they are, whatever class they name.
const AS_IT_IS: [&str; 6] = ["gpt_bigcode", "mistral", "mixtral", "modernbert", "olmo2", "phi3"];

impl TokenizerClass {
    /// The class that transformers takes.
    pub(super) fn of(config: &TokenizerConfig) -> Self {
        let model = config.model.model_type.as_deref().unwrap_or_default();
        if model == "qwen2" {
            return Qwen2;
        }
        if AS_IT_IS.contains(&model) {
            return Backend;
        }
        let find = |names: &[(&str, Self)], name: &str| {
            names.iter().find(|(of, _)| *of == name).map_or(Other, |(_, class)| *class)
        };
        match config.class() {
            Some(name) => find(&NAMES, name.strip_suffix("Fast").unwrap_or(name)),
            None => find(&MODELS, model),
        }
    }

    /// The names that its model of SentencePiece may have, the one that is preferred first.
    pub(super) fn sentence_pieces(self) -> &'static [&'static str] {
        match self {
            T5 => &["tokenizer.model", "spiece.model"],
            Llama | Gemma | Backend => &["tokenizer.model"],
            XlmRoberta | Camembert | MBart | MBart50 | Nllb | M2M100 => {
                &["tokenizer.model", "sentencepiece.bpe.model"]
            }
            DebertaV2 => &["tokenizer.model", "spm.model"],
            Bert | Roberta | Gpt2 | Qwen2 | GptNeoX | Marian | Deberta | ByT5 | Esm | Other => &[],
        }
    }

    /// The language of a text where no file names another.
    pub(super) fn language(self) -> Option<&'static str> {
        match self {
            MBart | MBart50 => Some("en_XX"),
            Nllb => Some("eng_Latn"),
            _ => None,
        }
    }

    /// Whether a token says the language of a text.
    pub(super) fn has_languages(self) -> bool {
        self.language().is_some() || self == M2M100
    }

    /// The special tokens that it has where no file says another.
    pub(super) fn special_tokens(self) -> &'static [(&'static str, &'static str)] {
        const END: &str = "<|endoftext|>";
        match self {
            Bert => &[
                ("unk_token", "[UNK]"),
                ("sep_token", "[SEP]"),
                ("pad_token", "[PAD]"),
                ("cls_token", "[CLS]"),
                ("mask_token", "[MASK]"),
            ],
            Roberta | XlmRoberta | Camembert | MBart | Nllb => &[
                ("bos_token", "<s>"),
                ("eos_token", "</s>"),
                ("unk_token", "<unk>"),
                ("sep_token", "</s>"),
                ("pad_token", "<pad>"),
                ("cls_token", "<s>"),
                ("mask_token", "<mask>"),
            ],
            MBart50 => &[
                ("eos_token", "</s>"),
                ("unk_token", "<unk>"),
                ("sep_token", "</s>"),
                ("pad_token", "<pad>"),
                ("cls_token", "<s>"),
                ("mask_token", "<mask>"),
            ],
            M2M100 => &[
                ("bos_token", "<s>"),
                ("eos_token", "</s>"),
                ("unk_token", "<unk>"),
                ("sep_token", "</s>"),
                ("pad_token", "<pad>"),
            ],
            Marian => &[("eos_token", "</s>"), ("unk_token", "<unk>"), ("pad_token", "<pad>")],
            Gemma => &[
                ("bos_token", "<bos>"),
                ("eos_token", "<eos>"),
                ("unk_token", "<unk>"),
                ("pad_token", "<pad>"),
                ("mask_token", "<mask>"),
            ],
            Deberta | DebertaV2 => &[
                ("bos_token", "[CLS]"),
                ("eos_token", "[SEP]"),
                ("unk_token", "[UNK]"),
                ("sep_token", "[SEP]"),
                ("pad_token", "[PAD]"),
                ("cls_token", "[CLS]"),
                ("mask_token", "[MASK]"),
            ],
            Gpt2 => &[("unk_token", END), ("bos_token", END), ("eos_token", END)],
            Qwen2 => &[("unk_token", END), ("eos_token", END), ("pad_token", END)],
            GptNeoX => {
                &[("unk_token", END), ("bos_token", END), ("eos_token", END), ("pad_token", "<|padding|>")]
            }
            Llama => &[("bos_token", "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>")],
            T5 | ByT5 => &[("eos_token", "</s>"), ("unk_token", "<unk>"), ("pad_token", "<pad>")],
            Esm => &[
                ("unk_token", "<unk>"),
                ("cls_token", "<cls>"),
                ("pad_token", "<pad>"),
                ("mask_token", "<mask>"),
                ("eos_token", "<eos>"),
            ],
            Backend | Other => &[],
        }
    }
}
