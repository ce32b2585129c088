//! The name that was probably meant.

/// The nearest of `names`, if a slip of the hand explains the difference: a third of the letters, and
/// never more than three.
pub(crate) fn nearest<'a>(
    wrong: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // No key is longer: comparing would only cost.
    const LONGEST: usize = 64;
    if wrong.len() > LONGEST {
        return None;
    }
    let lower = wrong.to_lowercase();
    let letters = lower.chars().count();
    let allowed = (letters / 3).clamp(1, 3);
    names
        .into_iter()
        .map(|name| (strsim::osa_distance(&lower, name), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, name)| name)
}
