//! The name that was probably meant.

/// The nearest of `names`, if it is near enough that a slip of the hand explains the difference: a third of the
/// letters, and never more than three.
pub(super) fn nearest<'a>(
    wrong: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // No topic or event has a longer name: comparing would only cost.
    const LONGEST: usize = 255;
    if wrong.len() > LONGEST {
        return None;
    }
    let lower = wrong.to_lowercase();
    let letters = lower.chars().count();
    let allowed = (letters / 3).clamp(1, 3);
    names
        .into_iter()
        .filter(|name| *name != wrong && letters.abs_diff(name.chars().count()) <= allowed)
        .map(|name| (strsim::osa_distance(&lower, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, name)| name)
}
