//! The special tokens around a text, for tokenizers that are made of other files than `tokenizer.json`.

use ia3_guard::quote;
use tokenizers::{PostProcessorWrapper, Tokenizer};

use super::class::TokenizerClass;
use super::config::TokenizerConfig;
use crate::tokenizer_parts::Item::{A, B, Token};
use crate::tokenizer_parts::{around, template};

/// A special token and its id.
type Special = (String, u32);

fn borrowed(token: &Option<Special>) -> Option<(&str, u32)> {
    token.as_ref().map(|(token, id)| (token.as_str(), *id))
}

fn no_language(code: &str) -> String {
    format!(
        "the language `{}` is no token; name the codes of the languages in `extra_special_tokens` of tokenizer_config.json, and \
         one of them in `src_lang` and `tgt_lang`",
        quote(code)
    )
}

/// Sets the template of the class. The tokens have been added, so that each has an id.
pub(super) fn set_template(
    tokenizer: &mut Tokenizer,
    class: TokenizerClass,
    config: &TokenizerConfig,
) -> Result<(), String> {
    let post = post_processor(tokenizer, class, config, config.language())?;
    tokenizer.with_post_processor(post);
    Ok(())
}

/// What adds the special tokens to a text that a translator is to write, if a file names the language of these texts.
pub(super) fn target_template(
    tokenizer: &Tokenizer,
    class: TokenizerClass,
    config: &TokenizerConfig,
) -> Result<Option<PostProcessorWrapper>, String> {
    let language = config.text("tgt_lang").filter(|_| class.has_languages());
    language.map_or(Ok(None), |language| post_processor(tokenizer, class, config, Some(language)))
}

/// What adds the special tokens of the class, to a text in `language`.
fn post_processor(
    tokenizer: &Tokenizer,
    class: TokenizerClass,
    config: &TokenizerConfig,
    language: Option<&str>,
) -> Result<Option<PostProcessorWrapper>, String> {
    let token = |name: &str| {
        let content = config.token(name, class.special_tokens())?.content;
        let id = tokenizer.token_to_id(&content)?;
        Some((content, id))
    };
    let needed = |name: &str| token(name).ok_or_else(|| format!("there is no `{name}`"));
    let json = match class {
        TokenizerClass::Bert | TokenizerClass::DebertaV2 => {
            let ((cls, cls_id), (sep, sep_id)) = (needed("cls_token")?, needed("sep_token")?);
            let (begin, end) = (Token(&cls, 0), Token(&sep, 0));
            let pair = [begin, A, end, B(1), Token(&sep, 1)];
            template(&[begin, A, end], &pair, &[(cls.as_str(), cls_id), (sep.as_str(), sep_id)])
        }
        TokenizerClass::Roberta | TokenizerClass::Deberta => {
            let ((cls, cls_id), (sep, sep_id)) = (needed("cls_token")?, needed("sep_token")?);
            let (begin, end) = (Token(&cls, 0), Token(&sep, 0));
            template(
                &[begin, A, end],
                &[begin, A, end, end, B(0), end],
                &[(cls.as_str(), cls_id), (sep.as_str(), sep_id)],
            )
        }
        TokenizerClass::Esm => {
            let ((cls, cls_id), (eos, eos_id)) = (needed("cls_token")?, needed("eos_token")?);
            let (begin, end) = (Token(&cls, 0), Token(&eos, 0));
            let ids = [(cls.as_str(), cls_id), (eos.as_str(), eos_id)];
            template(&[begin, A, end], &[begin, A, end, B(1), Token(&eos, 1)], &ids)
        }
        TokenizerClass::XlmRoberta | TokenizerClass::Camembert => {
            let ((bos, bos_id), (eos, eos_id)) = (needed("bos_token")?, needed("eos_token")?);
            let (begin, end) = (Token(&bos, 0), Token(&eos, 0));
            template(
                &[begin, A, end],
                &[begin, A, end, end, B(0), end],
                &[(bos.as_str(), bos_id), (eos.as_str(), eos_id)],
            )
        }
        TokenizerClass::MBart | TokenizerClass::MBart50 | TokenizerClass::Nllb => {
            let code = language.or(class.language()).unwrap_or_default();
            let id = tokenizer.token_to_id(code).ok_or_else(|| no_language(code))?;
            let (eos, eos_id) = needed("eos_token")?;
            let (code_item, end) = (Token(code, 0), Token(&eos, 0));
            let is_first = match class {
                TokenizerClass::Nllb => !config.flag("legacy_behaviour", false),
                class => class == TokenizerClass::MBart50,
            };
            let ids = [(code, id), (eos.as_str(), eos_id)];
            match is_first {
                true => template(&[code_item, A, end], &[code_item, A, B(0), end], &ids),
                false => template(&[A, end, code_item], &[A, B(0), end, code_item], &ids),
            }
        }
        TokenizerClass::M2M100 => {
            let code = format!("__{}__", language.unwrap_or_default());
            let id = tokenizer.token_to_id(&code).ok_or_else(|| no_language(&code))?;
            let (eos, eos_id) = needed("eos_token")?;
            let (code_item, end) = (Token(&code, 0), Token(&eos, 0));
            let ids = [(code.as_str(), id), (eos.as_str(), eos_id)];
            template(&[code_item, A, end], &[code_item, A, B(0), end], &ids)
        }
        TokenizerClass::T5 | TokenizerClass::ByT5 => {
            let (eos, id) = needed("eos_token")?;
            around(None, Some((eos.as_str(), id)), 0)
        }
        _ => {
            let asked = |flag: &str, name: &str| config.flag(flag, false).then(|| token(name)).flatten();
            let (bos, eos) = (asked("add_bos_token", "bos_token"), asked("add_eos_token", "eos_token"));
            around(borrowed(&bos), borrowed(&eos), 1)
        }
    };
    serde_json::from_value(json).map_err(|error| error.to_string())
}
