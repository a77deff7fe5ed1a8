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
    XlmRoberta,
    MBart,
    Nllb,
    T5,
    ByT5,
    Esm,
    /// Any other; its `tokenizer.json` is complete.
    Other,
}

use TokenizerClass::{
    Bert, ByT5, Esm, Gpt2, GptNeoX, Llama, MBart, Nllb, Other, Qwen2, Roberta, T5, XlmRoberta,
};

/// The names of classes, without `Fast`.
const NAMES: [(&str, TokenizerClass); 17] = [
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
];

/// The values of `model_type` with the class that transformers takes where no file names one.
const MODELS: [(&str, TokenizerClass); 17] = [
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
];

/// Models whose `tokenizer.json` transformers takes as it is, whatever class the files name.
const AS_IT_IS: [&str; 4] = ["gpt_bigcode", "mistral", "olmo2", "phi3"];

impl TokenizerClass {
    /// The class that transformers takes.
    pub(super) fn of(config: &TokenizerConfig) -> Self {
        let model = config.model.model_type.as_deref().unwrap_or_default();
        if model == "qwen2" {
            return Qwen2;
        }
        if AS_IT_IS.contains(&model) {
            return Other;
        }
        let find = |names: &[(&str, Self)], name: &str| {
            names.iter().find(|(of, _)| *of == name).map_or(Other, |(_, class)| *class)
        };
        match config.class() {
            Some(name) => find(&NAMES, name.strip_suffix("Fast").unwrap_or(name)),
            None => find(&MODELS, model),
        }
    }

    /// The names that its model of SentencePiece may have.
    pub(super) fn sentence_pieces(self) -> &'static [&'static str] {
        match self {
            T5 => &["spiece.model", "tokenizer.model"],
            Llama => &["tokenizer.model"],
            XlmRoberta | MBart | Nllb => &["sentencepiece.bpe.model"],
            Bert | Roberta | Gpt2 | Qwen2 | GptNeoX | ByT5 | Esm | Other => &[],
        }
    }

    /// The language of a text where no file names another.
    pub(super) fn language(self) -> Option<&'static str> {
        match self {
            MBart => Some("en_XX"),
            Nllb => Some("eng_Latn"),
            _ => None,
        }
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
            Roberta | XlmRoberta | MBart | Nllb => &[
                ("bos_token", "<s>"),
                ("eos_token", "</s>"),
                ("unk_token", "<unk>"),
                ("sep_token", "</s>"),
                ("pad_token", "<pad>"),
                ("cls_token", "<s>"),
                ("mask_token", "<mask>"),
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
            Other => &[],
        }
    }
}
