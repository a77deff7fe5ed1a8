use ia3_data::{Example, Target};

/// Batches of at most `entries` entries, in which examples of similar length come together, as positions of the examples.
/// Every example has one entry, or one per choice.
pub(super) fn batches(examples: &[Example], entries: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..examples.len()).collect();
    order.sort_by_key(|&i| {
        let target = longest(&examples[i].target);
        (examples[i].input.len() + target, target)
    });
    let (mut batches, mut room) = (Vec::<Vec<usize>>::new(), 0);
    for i in order {
        let needed = entries_of(&examples[i].target);
        match batches.last_mut().filter(|_| needed <= room) {
            Some(batch) => batch.push(i),
            None => {
                batches.push(vec![i]);
                room = entries.max(needed);
            }
        }
        room -= needed;
    }
    batches
}

/// Number of tokens of the longest text of a target.
fn longest(target: &Target) -> usize {
    match target {
        Target::Tokens(ids) | Target::Turns { ids, .. } => ids.len(),
        Target::Class(_) | Target::Values(_) | Target::TokenClasses(_) => 0,
        Target::Choices { choices, .. } => choices.iter().map(Vec::len).max().unwrap_or(0),
    }
}

/// Number of batch entries of an example.
fn entries_of(target: &Target) -> usize {
    match target {
        Target::Choices { choices, .. } => choices.len(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_lengths_share_a_batch_and_choices_stay_together() {
        let text = |n: usize| Example { input: vec![5; n], target: vec![1].into() };
        assert_eq!(
            batches(&[text(9), text(1), text(8), text(2), text(3)], 2),
            [vec![1, 3], vec![4, 2], vec![0]]
        );
        let choices = |n: usize| Target::Choices { choices: vec![vec![1]; n], answer: 0 };
        let examples = [1, 3, 7, 2].map(|n| Example { input: vec![5], target: choices(n) });
        assert_eq!(batches(&examples, 4), [vec![0, 1], vec![2], vec![3]]);
        assert_eq!(batches(&examples, 0), [vec![0], vec![1], vec![2], vec![3]]);
    }
}
