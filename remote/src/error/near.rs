//! Names that look like one that is not there.

/// Up to three of `candidates` that look like `wanted`, best first.
pub fn near_misses<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    // A name from outside may be long: only its beginning is compared.
    let wanted: String = wanted.chars().take(64).collect::<String>().to_lowercase();
    let distance = |candidate: &str| strsim::osa_distance(&wanted, candidate);
    let reach = (wanted.chars().count() / 3).max(1);
    let mut near: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter_map(|candidate| {
            let lower = candidate.to_lowercase();
            let tail = lower.rsplit('.').next().unwrap_or(&lower);
            let distance = distance(&lower).min(distance(tail));
            (distance <= reach).then_some((distance, candidate))
        })
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_close_and_few() {
        let names = ["append", "extend", "insert", "index", "pop"];
        assert_eq!(near_misses("apend", names), ["append"]);
        assert_eq!(near_misses("pup", names), ["pop"]);
        assert_eq!(near_misses("bnak", ["bank", "builtins"]), ["bank"]);
        assert!(near_misses("frobnicate", names).is_empty());
        assert_eq!(near_misses("bilder", ["shop.builder", "shop.other"]), ["shop.builder"]);
    }

    #[test]
    fn a_long_name_from_outside_costs_little() {
        assert!(near_misses(&"x".repeat(1 << 20), ["append"]).is_empty());
    }
}
