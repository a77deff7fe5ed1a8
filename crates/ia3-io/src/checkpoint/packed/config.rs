//! `quantization_config` of GPTQ, AWQ, bitsandbytes and torchao.

use serde_json::Value;

use crate::checkpoint::CheckpointError;
use crate::checkpoint::quantization_fields::Fields;

/// How the weights of a checkpoint were quantised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Gptq {
        /// 4 or 8.
        bits: u32,
        /// The number of inputs of a group; `None` is all.
        group_size: Option<usize>,
        /// What is stored for a zero point.
        zeros: Zeros,
    },
    Awq {
        /// The number of inputs of a group; `None` is all.
        group_size: Option<usize>,
    },
    /// 8 or 4 bits, which the tensors of each weight tell.
    Bitsandbytes,
    /// 8 bits with a scale for each row.
    Torchao,
}

/// What GPTQ's files store for a zero point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zeros {
    /// The zero point (version 2).
    Plain,
    /// The zero point less one, each for itself, so that 0 is the largest integer (version 1).
    LessOne,
    /// The zero points of a word, from which one is subtracted in each as from one number: where one of them is 0, the next one is
    /// stored as one less (GPTQModel's version 1).
    LessOneByWord,
}

/// The values of `quant_method` that are read.
pub(crate) const METHODS: [&str; 4] = ["gptq", "awq", "bitsandbytes", "torchao"];

/// The method, or `None` if it is not one of these.
pub(crate) fn method(fields: &Fields) -> Result<Option<Method>, CheckpointError> {
    match fields.get("quant_method").as_str() {
        Some("gptq") => gptq(fields).map(Some),
        Some("awq") => awq(fields).map(Some),
        Some("torchao") => torchao(fields).map(Some),
        Some("bitsandbytes") => Ok(Some(Method::Bitsandbytes)),
        // Files of older versions of transformers have no `quant_method`.
        None if is_set(fields, "load_in_8bit") || is_set(fields, "load_in_4bit") => {
            Ok(Some(Method::Bitsandbytes))
        }
        _ => Ok(None),
    }
}

fn is_set(fields: &Fields, field: &'static str) -> bool {
    fields.get(field) == &Value::Bool(true)
}

fn gptq(fields: &Fields) -> Result<Method, CheckpointError> {
    let bits = fields.expect("bits", |found| found == 4 || found == 8, "4 or 8; take the float model")?;
    let bits = if bits == 8 { 8 } else { 4 };
    for field in ["checkpoint_format", "format"] {
        fields.expect(
            field,
            |found| found.is_null() || found == "gptq" || found == "gptq_v2",
            "\"gptq\" or \"gptq_v2\"; other layouts (Marlin, BitBLAS) belong to a kernel, take the model from before it was \
             repacked",
        )?;
    }
    fields.expect(
        "pack_dtype",
        |found| found.is_null() || found == "int32",
        "\"int32\"; quantise the model with words of 32 bits",
    )?;
    fields.expect(
        "dynamic",
        skips_only,
        "rules that leave layers as floats; layers with other bits or groups are not read, take the float model",
    )?;
    let group_size = group_size(fields, "group_size")?;
    let v2 = ["checkpoint_format", "format"].iter().any(|field| fields.get(field) == "gptq_v2");
    let zeros = match v2 {
        true => Zeros::Plain,
        false if is_of_gptqmodel(fields) => Zeros::LessOneByWord,
        false => Zeros::LessOne,
    };
    Ok(Method::Gptq { bits, group_size, zeros })
}

/// Whether GPTQModel wrote the file, which says so in `meta`.
fn is_of_gptqmodel(fields: &Fields) -> bool {
    let quantizer = fields.get("meta").get("quantizer").unwrap_or(&Value::Null);
    let names = quantizer.as_array().map_or(std::slice::from_ref(quantizer), Vec::as_slice);
    names.iter().filter_map(Value::as_str).any(|name| name.starts_with("gptqmodel"))
}

/// Whether the rules for single layers of GPTQModel only leave layers out.
fn skips_only(rules: &Value) -> bool {
    match rules {
        Value::Null => true,
        Value::Object(rules) => rules.keys().all(|rule| rule.starts_with("-:")),
        _ => false,
    }
}

fn awq(fields: &Fields) -> Result<Method, CheckpointError> {
    fields.expect("bits", |found| found == 4, "4; take the float model")?;
    let is_gemm = |found: &Value| match found.as_str() {
        Some(version) => version.eq_ignore_ascii_case("gemm"),
        None => found.is_null(),
    };
    fields.expect("version", is_gemm, "\"gemm\"; quantise the model with this version of AWQ's layout")?;
    fields.expect(
        "backend",
        |found| found.is_null() || found == "autoawq",
        "\"autoawq\"; the layout of llm-awq is not read",
    )?;
    fields.expect(
        "zero_point",
        |found| found.is_null() || found == true,
        "true; quantise the model with zero points",
    )?;
    let group_size = group_size(fields, "group_size")?;
    Ok(Method::Awq { group_size })
}

/// Weights alone, in 8 bits. The text is that of older versions of transformers.
fn torchao(fields: &Fields) -> Result<Method, CheckpointError> {
    let is_int8 = |found: &Value| match found.as_str() {
        Some(name) => name == "int8_weight_only",
        None => found.pointer("/default/_type").is_some_and(|kind| kind == "Int8WeightOnlyConfig"),
    };
    fields.expect(
        "quant_type",
        is_int8,
        "`Int8WeightOnlyConfig`; torchao's other types pack integers for a kernel or quantise activations too, take the float model",
    )?;
    Ok(Method::Torchao)
}

fn group_size(fields: &Fields, field: &'static str) -> Result<Option<usize>, CheckpointError> {
    let size = |found: &Value| found.as_u64().filter(|size| (1..=1 << 32).contains(size));
    let found = fields.expect(
        field,
        |found| found.as_i64() == Some(-1) || size(found).is_some(),
        "a number of inputs, or -1 for all of them",
    )?;
    Ok(size(found).map(|size| size as usize))
}
