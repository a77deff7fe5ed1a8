//! Embeddings, classes and likelihoods: each has the bits that it has alone, whatever is in its batch.

use burn::tensor::Device;
use ia3::Task;
use ia3::models::{Model, ModelInputs, PaddingSide, Pooling};
use ia3_serve::{ForwardEngine, ForwardRequest, ServeError, Wanted};

use crate::common::{ADAPTERS, Case, cases, options};

/// Of the largest number, between a batch without padding here and the same text through the attached adapter.
const TOLERANCE: f32 = 2e-5;

const MEAN: Wanted = Wanted::Embedding { pooling: Pooling::Mean, normalize: false };

fn engine(case: &Case) -> ForwardEngine {
    let options = options().with_adapters(2).with_batch_tokens(24);
    ForwardEngine::new(case.base.clone(), Some(case.dir.clone()), options).unwrap()
}

/// The answers of an engine, one for each request.
fn answers(engine: &mut ForwardEngine, requests: &[ForwardRequest]) -> Vec<Result<Vec<f32>, ServeError>> {
    let waiting: Vec<_> = requests.iter().map(|request| engine.submit(request.clone())).collect();
    while engine.step() {}
    waiting.into_iter().map(|mut receiver| receiver.try_recv().unwrap()).collect()
}

/// Texts of several lengths, some of which are the same, under each adapter.
fn requests(case: &Case, wanted: impl Fn(usize) -> Wanted) -> Vec<ForwardRequest> {
    let vocab = case.base.module().vocab_size() as i64;
    let ids = |i: usize| (0..3 + i % 3).map(|j| ((i * 11 + j * 7 + 5) as i64) % vocab).collect();
    let request =
        |i: usize| ForwardRequest::new(ids(i), wanted(i)).with_adapter(ADAPTERS[i % 4].map(str::to_string));
    (0..12).map(request).collect()
}

/// The model with the adapter of a request attached.
fn attached(case: &Case, request: &ForwardRequest) -> Model {
    let adapter =
        request.adapter.as_ref().map(|name| ia3::Adapter::load(case.dir.join(name), &case.base).unwrap());
    let adapters: Vec<&ia3::core::Adapter> = adapter.iter().map(|adapter| &**adapter).collect();
    ia3::attach(case.base.module(), &adapters).unwrap()
}

fn inputs(model: &Model, request: &ForwardRequest) -> ModelInputs {
    model.batch(std::slice::from_ref(&request.ids), PaddingSide::Right, &Device::flex()).unwrap()
}

/// Checks each answer against the request alone, and against `expected`.
fn check(case: &Case, requests: &[ForwardRequest], expected: impl Fn(&Model, &ForwardRequest) -> Vec<f32>) {
    let together = answers(&mut engine(case), requests);
    for (i, (request, got)) in requests.iter().zip(together).enumerate() {
        let got = got.unwrap_or_else(|error| panic!("{}, request {i}: {error}", case.name));
        let alone = answers(&mut engine(case), std::slice::from_ref(request)).remove(0).unwrap();
        let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&got), bits(&alone), "{}, request {i}", case.name);
        let expected = expected(&attached(case, request), request);
        let most = expected.iter().fold(1.0f32, |most, value| most.max(value.abs()));
        assert_eq!(got.len(), expected.len(), "{}, request {i}", case.name);
        for (got, expected) in got.iter().zip(&expected) {
            let off = (got - expected).abs() / most;
            assert!(off < TOLERANCE, "{}, request {i}: {got} and {expected}", case.name);
        }
    }
}

#[test]
fn embeddings_of_every_encoder_and_decoder() {
    let cases = cases(|task| task == Task::CausalLm || Task::OF_ENCODERS.contains(&task));
    assert!(cases.len() >= 30, "{}", cases.len());
    for case in cases {
        check(&case, &requests(&case, |_| MEAN), |model, request| {
            let states = model.last_hidden_state(&inputs(model, request)).unwrap();
            Pooling::Mean.forward(states, None).into_data().iter().collect()
        });
    }
}

#[test]
fn logits_of_every_classifier_also_with_heads_of_their_own() {
    let cases = cases(|task| task == Task::SequenceClassification);
    assert!(cases.len() >= 8, "{}", cases.len());
    for case in &cases {
        check(case, &requests(case, |_| Wanted::Logits), |model, request| {
            model.last_logits(&inputs(model, request)).unwrap().into_data().iter().collect()
        });
    }
    let saved = |case: &Case| {
        ADAPTERS
            .iter()
            .flatten()
            .any(|name| !ia3::Adapter::load(case.dir.join(name), &case.base).unwrap().saved.is_empty())
    };
    assert!(cases.iter().any(saved), "no adapter has a head of its own");
}

#[test]
fn likelihoods_of_every_language_model() {
    for case in cases(Task::is_language_model) {
        let vocab = case.base.module().vocab_size() as i64;
        let text = |i: usize| Wanted::LogLikelihood {
            text: (0..1 + i % 2).map(|j| ((i + j * 5 + 2) as i64) % vocab).collect(),
        };
        check(&case, &requests(&case, text), |model, request| {
            let Wanted::LogLikelihood { text } = &request.wanted else { panic!("{request:?}") };
            let likelihoods = model.log_likelihoods(&[(&request.ids, std::slice::from_ref(text))]).unwrap();
            likelihoods.sums().into_data().iter().collect()
        });
    }
}

#[test]
fn what_cannot_be_answered_is_refused_and_the_rest_goes_on() {
    let case = cases(|task| task == Task::SequenceClassification).remove(0);
    let long = vec![1; 5000];
    let requests = [
        ForwardRequest::new(vec![1, 2, 3], Wanted::Logits),
        ForwardRequest::new(vec![1, 2, 3], Wanted::Logits).with_adapter("missing".to_string()),
        ForwardRequest::new(long, Wanted::Logits),
        ForwardRequest::new(vec![1, 2, 3], Wanted::LogLikelihood { text: vec![1] }),
        ForwardRequest::new(vec![1, 2, 3], MEAN),
    ];
    let got = answers(&mut engine(&case), &requests);
    assert!(got[0].is_ok() && got[4].is_ok());
    assert!(matches!(&got[1], Err(ServeError::NoModel { name }) if name == "missing"));
    let problem = |i: usize| got[i].as_ref().unwrap_err().to_string();
    assert!(problem(2).contains("positions"), "{}", problem(2));
    assert!(problem(3).contains("computes no likelihood"), "{}", problem(3));
}
