use crate::chat::ChatTemplate;
use crate::error::DataError;
use crate::example::{Example, MAX_INPUT_TOKENS, Target, TokenPair};
use crate::masking::{Masking, masked, unmasked};
use crate::model_kind::ModelKind;
use crate::targets::{self, SPANS, TAGS, kind};
use crate::text_example::{Answer, SpanText, TextExample};
use crate::tokenizer::Tokenizer;
use crate::windows::windows;

/// The target of a token without a class, which is PyTorch's `ignore_index`.
const NO_CLASS: i64 = -100;

/// The number of tokens that two windows of a context share, as in transformers' run_qa.
const DOC_STRIDE: usize = 128;

/// Turns examples of text into token ids for a model.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Encoder {
    /// The tokenizer.
    pub tokenizer: Tokenizer,
    /// The kind of the model.
    pub model: ModelKind,
    /// Maximum number of tokens of an input. Longer inputs are truncated on the right.
    pub max_input_tokens: usize,
    /// Maximum number of tokens of a target or a choice.
    pub max_target_tokens: usize,
    /// Number of tokens that two windows of a long context share.
    pub doc_stride: usize,
    /// How tokens are hidden from a masked language model.
    pub masking: Masking,
    /// The names of the labels, in the order of their numbers. For a language model they are the choices of a row with a
    /// label. For a classifier they give the class of a row with a target text.
    pub label_names: Vec<String>,
    /// The chat template of the base, which rows of messages need.
    pub chat_template: Option<ChatTemplate>,
}

impl Encoder {
    /// An encoder with at most [`MAX_INPUT_TOKENS`] tokens per input and per target, windows that share 128 tokens, and without
    /// label names.
    pub fn new(tokenizer: Tokenizer, model: ModelKind) -> Self {
        let (max_input_tokens, max_target_tokens) = (MAX_INPUT_TOKENS, MAX_INPUT_TOKENS);
        let (label_names, chat_template, doc_stride) = (vec![], None, DOC_STRIDE);
        let masking = Masking::new();
        Self {
            tokenizer,
            model,
            max_input_tokens,
            max_target_tokens,
            doc_stride,
            masking,
            label_names,
            chat_template,
        }
    }

    /// Sets the maximum number of tokens of an input.
    pub fn with_max_input_tokens(self, max_input_tokens: usize) -> Self {
        Self { max_input_tokens, ..self }
    }

    /// Sets the maximum number of tokens of a target or a choice.
    pub fn with_max_target_tokens(self, max_target_tokens: usize) -> Self {
        Self { max_target_tokens, ..self }
    }

    /// Sets the number of tokens that two windows of a long context share.
    pub fn with_doc_stride(self, doc_stride: usize) -> Self {
        Self { doc_stride, ..self }
    }

    /// Sets how tokens are hidden from a masked language model.
    pub fn with_masking(self, masking: Masking) -> Self {
        Self { masking, ..self }
    }

    /// Sets the names of the labels, in the order of their numbers.
    pub fn with_label_names(self, label_names: Vec<String>) -> Self {
        Self { label_names, ..self }
    }

    /// Sets the chat template.
    pub fn with_chat_template(self, chat_template: Option<ChatTemplate>) -> Self {
        Self { chat_template, ..self }
    }

    /// The examples that a text becomes: one; the windows of its context for a question; or variants with other tokens hidden for a
    /// masked language model.
    ///
    /// # Errors
    ///
    /// The errors are those of [`encode`](Self::encode); [`DataError::AnswerPlace`] and [`DataError::Stride`] for a question.
    pub fn encode_all(&self, example: &TextExample) -> Result<Vec<Example>, DataError> {
        self.check_pair(example)?;
        match (&example.answer, &self.model) {
            (Answer::Spans { question, spans }, ModelKind::QuestionAnswerer) => {
                self.windows(question, &example.input, spans)
            }
            (Answer::Hidden, ModelKind::MaskedLm) => self.masked(&example.input),
            _ => Ok(vec![self.encode(example)?]),
        }
    }

    /// The ids of one example. For a classifier the number of the right choice is the class. Of a question it is the first
    /// window of the context, and of a masked text the first variant; [`encode_all`](Self::encode_all) gives all of them.
    ///
    /// # Errors
    ///
    /// A label has no text and the model is a language model; a text has no class and the model is a classifier; the answer is
    /// of another kind than the model's; the input has two texts and the model reads one; or the tokenizer fails.
    pub fn encode(&self, example: &TextExample) -> Result<Example, DataError> {
        self.check_pair(example)?;
        if let Answer::Tags { words, tags } = &example.answer {
            return self.tagged(words, tags);
        }
        if self.model == ModelKind::QuestionAnswerer {
            let Answer::Spans { question, spans } = &example.answer else {
                return self.other_kind(&example.answer, SPANS);
            };
            return Ok(self.windows(question, &example.input, spans)?.swap_remove(0));
        }
        match (&self.model, &example.answer) {
            (ModelKind::MaskedLm, Answer::Text(whole)) => {
                return unmasked(&self.tokenizer, (&example.input, whole), self.max_input_tokens);
            }
            (ModelKind::MaskedLm, Answer::Hidden) => return Ok(self.masked(&example.input)?.swap_remove(0)),
            (ModelKind::MultipleChoice, Answer::Choices { choices, answer }) => {
                return self.pairs(&example.input, choices, *answer);
            }
            _ => {}
        }
        let (input, token_type_ids) = self.input(example)?;
        let target = match self.model {
            ModelKind::Classifier => Target::Class(targets::class(&example.answer, &self.label_names)?),
            ModelKind::MultiLabel { labels } => {
                Target::Values(targets::classes(&example.answer, &self.label_names, labels)?)
            }
            ModelKind::Regression => Target::Values(targets::numbers(&example.answer)?),
            ModelKind::TokenClassifier => return self.other_kind(&example.answer, TAGS),
            ModelKind::QuestionAnswerer => return self.other_kind(&example.answer, SPANS),
            ModelKind::MaskedLm => return self.other_kind(&example.answer, "a text, or none"),
            ModelKind::MultipleChoice => return self.other_kind(&example.answer, "a choice of texts"),
            ModelKind::EncoderDecoder | ModelKind::Decoder { .. } => self.texts(&example.answer)?,
        };
        Ok(Example { token_type_ids, ..Example::new(input, target) })
    }

    /// The ids of the input, and the types of the tokens of two texts.
    fn input(&self, example: &TextExample) -> Result<(Vec<i64>, Vec<i64>), DataError> {
        let max = Some(self.max_input_tokens);
        match &example.text_pair {
            Some(pair) => self.tokenizer.encode_pair(&example.input, pair, max),
            None => Ok((self.tokenizer.encode_prompt(&example.input, max, &self.model)?, vec![])),
        }
    }

    /// Refuses two texts for a model that reads one.
    fn check_pair(&self, example: &TextExample) -> Result<(), DataError> {
        match example.text_pair.is_some() && !self.model.reads_pairs() {
            true => Err(DataError::PairForModel),
            false => Ok(()),
        }
    }

    fn windows(&self, question: &str, context: &str, spans: &[SpanText]) -> Result<Vec<Example>, DataError> {
        let limits = (self.max_input_tokens, self.doc_stride);
        windows(&self.tokenizer, limits, (question, context), spans)
    }

    fn masked(&self, text: &str) -> Result<Vec<Example>, DataError> {
        masked(&self.tokenizer, &self.masking, text, self.max_input_tokens)
    }

    fn other_kind(&self, answer: &Answer, expected: &'static str) -> Result<Example, DataError> {
        Err(DataError::AnswerKind { found: kind(answer), expected })
    }

    /// The input with each of the choices.
    fn pairs(&self, input: &str, choices: &[String], answer: usize) -> Result<Example, DataError> {
        let max = self.max_input_tokens;
        let pair = |choice: &String| {
            let (ids, token_type_ids) = self.tokenizer.encode_pair(input, choice, Some(max))?;
            Ok(TokenPair { ids, token_type_ids })
        };
        let pairs = choices.iter().map(pair).collect::<Result<_, DataError>>()?;
        Ok(Example::new(self.tokenizer.encode(input, Some(max))?, Target::Pairs { pairs, answer }))
    }

    /// The tokens of words, of which the first of each word has the class of the word.
    fn tagged(&self, words: &[String], tags: &[usize]) -> Result<Example, DataError> {
        if self.model != ModelKind::TokenClassifier {
            return Err(DataError::AnswerKind { found: TAGS, expected: "one answer for the whole input" });
        }
        let (input, word_of) = self.tokenizer.encode_words(words, self.max_input_tokens)?;
        let mut before = None;
        let class = |word: Option<usize>| {
            let first = word.filter(|_| word != before);
            before = word;
            first.and_then(|word| tags.get(word)).map_or(NO_CLASS, |tag| *tag as i64)
        };
        let classes: Vec<i64> = word_of.into_iter().map(class).collect();
        Ok(Example::new(input, Target::TokenClasses(classes)))
    }

    fn texts(&self, answer: &Answer) -> Result<Target, DataError> {
        let choices = |choices: &[String], answer| {
            let choices = choices.iter().map(|choice| self.target(choice)).collect::<Result<_, _>>()?;
            Ok(Target::Choices { choices, answer })
        };
        match answer {
            Answer::Text(text) => Ok(Target::Tokens(self.target(text)?)),
            Answer::Choices { choices: texts, answer } => choices(texts, *answer),
            Answer::Class(label) if self.label_names.is_empty() => {
                Err(DataError::LabelForText { label: *label })
            }
            Answer::Class(label) if *label >= self.label_names.len() => {
                let answer = *label as i64;
                Err(DataError::AnswerOutOfRange { answer, choices: self.label_names.len() })
            }
            Answer::Class(label) => choices(&self.label_names, *label),
            other => {
                Err(DataError::AnswerKind { found: kind(other), expected: "a text, a class or a choice" })
            }
        }
    }

    /// The ids of a target, which end with the end token even if the text is truncated.
    fn target(&self, text: &str) -> Result<Vec<i64>, DataError> {
        let ModelKind::Decoder { ends } = &self.model else {
            return self.tokenizer.encode_target(text, Some(self.max_target_tokens));
        };
        let mut ids = self.tokenizer.encode_plain(text, Some(self.max_target_tokens))?;
        let end = ends.first().map(|&end| self.tokenizer.known(end)).transpose()?;
        ids.truncate(self.max_target_tokens.saturating_sub(usize::from(end.is_some())));
        ids.extend(end);
        Ok(ids)
    }
}
