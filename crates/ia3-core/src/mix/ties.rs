//! TIES merging of the distances from the identity.

/// Computes `1 + TIES(lᵢ − 1)`; see [`MixMethod::Ties`](super::MixMethod::Ties).
pub(super) fn ties(rows: &[(Vec<f32>, f32)], density: f64) -> Vec<f32> {
    let task = |l: &[f32]| trim(l.iter().map(|l| f64::from(*l) - 1.0).collect(), density);
    let tasks: Vec<(Vec<f64>, f64)> = rows.iter().map(|(l, w)| (task(l), (*w).into())).collect();
    let len = tasks.first().map_or(0, |(task, _)| task.len());
    (0..len).map(|i| (1.0 + merge(tasks.iter().map(|(task, w)| (task[i], *w)))) as f32).collect()
}

/// Keeps the `⌊density·n⌋` values with the largest magnitude and sets the others to 0. Of equal magnitudes, the first are
/// kept.
fn trim(mut task: Vec<f64>, density: f64) -> Vec<f64> {
    let keep = (density * task.len() as f64) as usize;
    let mut order: Vec<usize> = (0..task.len()).collect();
    order.sort_by(|&a, &b| task[b].abs().total_cmp(&task[a].abs()));
    order.into_iter().skip(keep).for_each(|i| task[i] = 0.0);
    task
}

/// The weighted mean of the values whose sign is that of the sum of all values. A value of 0 has no sign and is left out.
fn merge(values: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let positive = values.clone().map(|(task, _)| task).sum::<f64>() >= 0.0;
    let elected = |task: f64| if positive { task > 0.0 } else { task < 0.0 };
    let kept: Vec<f64> = values.filter(|(task, _)| elected(*task)).map(|(task, w)| w * task).collect();
    kept.iter().sum::<f64>() / kept.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_largest_stay() {
        assert_eq!(trim(vec![0.1, -3.0, 2.0, -0.2, 0.0], 0.4), [0.0, -3.0, 2.0, 0.0, 0.0]);
        assert_eq!(trim(vec![1.0, -1.0, 1.0], 0.5), [1.0, 0.0, 0.0]);
        assert_eq!(trim(vec![1.0, 2.0], 1.0), [1.0, 2.0]);
        assert_eq!(trim(vec![1.0, 2.0], 0.0), [0.0, 0.0]);
    }

    #[test]
    fn the_sign_of_the_total_wins_and_a_draw_is_positive() {
        let merge = |values: &[(f64, f64)]| super::merge(values.iter().copied());
        assert_eq!(merge(&[(3.0, 1.0), (-1.0, 1.0), (1.0, 1.0)]), 2.0);
        assert_eq!(merge(&[(-3.0, 0.5), (1.0, 10.0), (0.0, 1.0)]), -1.5);
        assert_eq!(merge(&[(2.0, 1.0), (-2.0, 1.0)]), 2.0);
        assert_eq!(merge(&[(0.0, 1.0)]), 0.0);
    }
}
