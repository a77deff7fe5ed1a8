//! A request has the same tokens and the same bits of logits whatever runs beside it, in every decoder and encoder-decoder.

use burn::tensor::{Device, Tensor};
use ia3::models::{GenerationConfig, ModelInputs, PaddingSide, Sampling};
use ia3::{Bits, Model, PretrainedOptions};
use ia3_serve::{Engine, Penalties};

use crate::common::{ADAPTERS, Case, decoders, encoder_decoders, llama, options, run, run_all, submit, t5};

/// Of log-probabilities, between one batch and another: kernels for few and for many rows sum in other orders.
const TOLERANCE: f32 = 2e-5;

/// All language models of the corpus.
fn language_models() -> impl Iterator<Item = Case> {
    decoders().into_iter().chain(encoder_decoders())
}

#[test]
fn a_row_among_others_is_the_row_alone_to_the_bit() {
    for case in language_models() {
        let answers = run_all(&mut case.busy_engine(), case.requests());
        for (i, (request, among)) in case.requests().into_iter().zip(answers).enumerate() {
            let alone = run(&mut case.engine(options()), request);
            assert_eq!(
                among.end.as_ref().unwrap(),
                alone.end.as_ref().unwrap(),
                "{}, request {i}",
                case.name
            );
            assert_eq!(among.bits(), alone.bits(), "{}, request {i}", case.name);
        }
    }
}

#[test]
fn the_answer_is_that_of_generate() {
    for case in language_models() {
        for (i, request) in case.requests().into_iter().enumerate() {
            let (ids, logprobs) = generated(&case, &request.prompt, ADAPTERS[i % 4], &request.generation);
            let answer = run(&mut case.busy_engine(), request);
            assert_eq!(answer.ids(), ids, "{}, request {i}", case.name);
            for (step, (got, expected)) in answer.bits().iter().zip(logprobs).enumerate() {
                for ((id, got), expected) in got.iter().zip(expected) {
                    let off = (f32::from_bits(*got) - expected).abs();
                    assert!(
                        off < TOLERANCE,
                        "{}, request {i}, step {step}, token {id}: off by {off}",
                        case.name
                    );
                }
            }
        }
    }
}

/// The tokens and log-probabilities of `Model::generate` for one prompt under an attached adapter.
fn generated(
    case: &Case,
    prompt: &[i64],
    adapter: Option<&str>,
    config: &GenerationConfig,
) -> (Vec<i64>, Vec<Vec<f32>>) {
    let base = case.base.module();
    let adapter = adapter.map(|name| ia3::Adapter::load(case.dir.join(name), &case.base).unwrap());
    let adapters: Vec<&ia3::core::Adapter> = adapter.iter().map(|adapter| &**adapter).collect();
    let model = ia3::attach(base, &adapters).unwrap();
    let inputs: ModelInputs = model.batch(&[prompt.to_vec()], model.padding_side(), &Device::flex()).unwrap();
    let mut logprobs = vec![];
    let on_step = |step: ia3::models::Step| {
        let all: Tensor<2> = burn::tensor::activation::log_softmax(step.logits.clone(), 1);
        logprobs.push(all.into_data().iter::<f32>().collect::<Vec<f32>>());
    };
    let ids = model.generate_with(&inputs, config, on_step).unwrap().ids;
    let ids: Vec<i64> = ids.into_data().iter::<i64>().collect();
    let start = model.decoder_start(config).unwrap().map_or(prompt.len(), |start| start.len());
    (ids[start..].to_vec(), logprobs)
}

#[test]
fn an_adapter_changes_what_its_rows_answer() {
    for case in language_models() {
        let mut engine = case.busy_engine();
        let answers =
            ADAPTERS.map(|adapter| run(&mut engine, case.request(vec![3, 5, 9], adapter, 3)).bits());
        for (i, a) in answers.iter().enumerate() {
            for b in &answers[..i] {
                assert_ne!(a, b, "{}: the answers of two adapters are the same", case.name);
            }
        }
    }
}

/// Requests as a client sends them: answers end by themselves, and with the forced tokens of the configuration.
#[test]
fn encoder_decoders_end_where_generate_ends() {
    for case in encoder_decoders() {
        let mut requests = case.requests();
        for (i, request) in requests.iter_mut().enumerate() {
            request.generation = case.base.module().generation_config(2 + i % 3);
        }
        let answers = run_all(&mut case.busy_engine(), requests.clone());
        for (i, (request, answer)) in requests.into_iter().zip(answers).enumerate() {
            let (mut ids, _) = generated(&case, &request.prompt, ADAPTERS[i % 4], &request.generation);
            let ends = &request.generation.eos_token_id;
            ids.truncate(ids.iter().position(|id| ends.contains(id)).map_or(ids.len(), |end| end + 1));
            assert_eq!(answer.ids(), ids, "{}, request {i}", case.name);
            let end = answer.end.unwrap();
            assert_eq!((end.prompt_tokens, end.reused_tokens), (request.prompt.len(), 0));
        }
    }
}

#[test]
fn encoder_decoders_take_settings_of_all_kinds_and_draw_what_generate_draws() {
    let case = t5();
    let sampling = Sampling::new().with_temperature(1.3).with_top_k(20).with_top_p(0.95).with_seed(11);
    let config = case.config(8).with_sampling(sampling).with_repetition_penalty(1.2);
    let mut all = case.requests();
    all[2].generation = config.clone();
    let answers = run_all(&mut case.busy_engine(), all.clone());
    assert_eq!(answers[2].ids(), generated(&case, &all[2].prompt, ADAPTERS[2], &config).0);
    let request = || case.request(vec![4, 8], Some("adapter"), 8);
    let first = run(&mut case.busy_engine(), request()).ids()[0];
    let never = Penalties { presence: 1000.0, bias: vec![(first, -1000.0)], ..Penalties::default() };
    let mut got = run(&mut case.busy_engine(), request().with_penalties(never)).ids();
    assert!(!got.contains(&first), "{got:?}");
    got.sort_unstable();
    got.dedup();
    assert_eq!(got.len(), 8);
}

#[test]
fn keys_of_a_row_survive_the_leaving_of_its_neighbours() {
    let case = llama();
    let long = || case.request(vec![3, 5, 9, 4], Some("adapter"), 12);
    let alone = run(&mut case.engine(options()), long()).bits();
    let mut engine = case.engine(options().with_rows(3));
    let row = submit(&mut engine, long());
    for round in 0..4 {
        // Two neighbours come, stay for one or two tokens and leave, and the next ones get their slots.
        let of_round = |new| case.request(vec![7; 3 + round], ADAPTERS[(round + new) % 4], new);
        let neighbours = [1, 2].map(|new| submit(&mut engine, of_round(new)));
        for neighbour in neighbours {
            neighbour.finish(&mut engine).end.unwrap();
        }
    }
    assert_eq!(row.finish(&mut engine).bits(), alone);
}

#[test]
fn drawn_tokens_are_those_of_generate_whatever_runs_beside() {
    let case = llama();
    let sampling = Sampling::new().with_temperature(1.3).with_top_k(20).with_top_p(0.95).with_seed(11);
    let config = case.config(8).with_sampling(sampling).with_repetition_penalty(1.2);
    let model = case.base.module();
    let inputs = model.batch(&[vec![4, 8, 15]], PaddingSide::Left, &Device::flex()).unwrap();
    let ids: Vec<i64> = model.generate(&inputs, &config).unwrap().ids.into_data().iter::<i64>().collect();
    let mut engine = case.busy_engine();
    let mut request = case.request(vec![4, 8, 15], None, 8);
    request.generation = config;
    let mut all = case.requests();
    all.insert(2, request);
    assert_eq!(run_all(&mut engine, all)[2].ids(), ids[3..]);
}

#[test]
fn penalties_keep_tokens_away() {
    let case = llama();
    let plain = run(&mut case.busy_engine(), case.request(vec![4, 8], None, 6)).ids();
    let first = plain[0];
    let bias = Penalties { bias: vec![(first, -100.0)], ..Penalties::default() };
    let got = run(&mut case.busy_engine(), case.request(vec![4, 8], None, 6).with_penalties(bias)).ids();
    assert!(!got.contains(&first), "{got:?}");
    let once = Penalties { presence: 1000.0, ..Penalties::default() };
    let mut got = run(&mut case.busy_engine(), case.request(vec![4, 8], None, 12).with_penalties(once)).ids();
    got.sort_unstable();
    got.dedup();
    assert_eq!(got.len(), 12);
}

#[test]
fn rows_of_a_quantised_base_and_of_one_in_half_precision_are_exact() {
    ["llama", "t5", "mbart"].into_iter().for_each(rows_of_other_precisions_are_exact);
}

fn rows_of_other_precisions_are_exact(fixture: &str) {
    let dir = ia3_testing::fixture(fixture);
    let device = Device::flex();
    let load = |options: &PretrainedOptions| {
        Model::from_pretrained_with(dir.join("base"), options, &device).unwrap()
    };
    let half = PretrainedOptions::new().with_dtype(ia3::Precision::Cast(burn::tensor::FloatDType::BF16));
    let int8 = PretrainedOptions::new().with_quantization(Bits::Eight);
    let fast = PretrainedOptions::new().with_quantization(Bits::Four).with_fast_integers(true);
    for (name, loading) in [("bfloat16", half), ("int8", int8), ("fast int4", fast)] {
        let case = Case { name: name.into(), dir: dir.clone(), base: load(&loading) };
        let mut engine = case.engine(options_of_many());
        let answers = run_all(&mut engine, case.requests());
        for (request, among) in case.requests().into_iter().zip(answers) {
            let alone = run(&mut case.engine(options()), request);
            assert_eq!(among.bits(), alone.bits(), "{fixture} in {name}");
        }
    }
}

/// Integers of a GGUF file: of 4 and of 8 bits, with minima and without.
#[test]
fn rows_of_a_base_whose_integers_are_kept_are_exact() {
    let file = ia3_testing::fixture("gguf/kept.gguf");
    let load = |fast: bool| {
        let options = PretrainedOptions::new().with_keep_quantized(true).with_fast_integers(fast);
        Model::from_pretrained_with(&file, &options, &Device::flex()).unwrap()
    };
    for (name, base) in [("floats", load(false)), ("integers", load(true))] {
        let case = Case { name: name.into(), dir: ia3_testing::fixture("gguf"), base };
        let requests = || -> Vec<_> {
            let prompts = [vec![3, 5, 9, 4], vec![7], vec![11, 2], (2..11).collect()];
            prompts.into_iter().map(|prompt| case.request(prompt, None, 6)).collect()
        };
        let answers = run_all(&mut case.engine(options_of_many()), requests());
        for (request, among) in requests().into_iter().zip(answers) {
            let alone = run(&mut case.engine(options()), request);
            assert!(!alone.bits().is_empty());
            assert_eq!(among.bits(), alone.bits(), "products of {name}");
        }
    }
}

fn options_of_many() -> ia3_serve::EngineOptions {
    options().with_rows(8).with_pass_tokens(40)
}

#[test]
fn more_rows_than_any_kernel_for_few_rows_are_exact() {
    for case in [llama(), t5()] {
        let mut engine: Engine = case.engine(options().with_rows(70).with_pass_tokens(200));
        let requests = || (0..70).map(|i| case.request(vec![(i % 40) as i64, 5, 9], ADAPTERS[i % 4], 3));
        let running: Vec<_> = requests().map(|request| submit(&mut engine, request)).collect();
        let answers: Vec<_> = running.into_iter().map(|running| running.finish(&mut engine)).collect();
        for (request, among) in requests().zip(answers).step_by(9) {
            assert_eq!(among.bits(), run(&mut case.engine(options()), request).bits(), "{}", case.name);
        }
    }
}
