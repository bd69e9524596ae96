//! Names similar to one that does not exist, and other remedies for it.

use super::shown;

/// Up to three of `candidates` that are similar to `wanted`, the best one first.
pub fn near_misses<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    // A name from outside may be long, so only its beginning is compared.
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

pub(super) fn hint(near: &[String], otherwise: &str) -> String {
    if near.is_empty() { format!("; {otherwise}") } else { format!("; did you mean {}?", shown(&near.join(" or "))) }
}

/// The hint for a name that may exist under another name, or in a crate that the service's program does not link.
pub(super) fn or_link(near: &[String]) -> String {
    let link =
        "the service's program names the crate that defines it with `tarmem::link!`, or the linker leaves it out";
    if near.is_empty() {
        format!("; {link}")
    } else {
        format!("; did you mean {}? If not: {link}", shown(&near.join(" or ")))
    }
}

/// The hint for a module. One with an empty name, or inside one of tarmem's own modules, is in no crate.
pub(super) fn no_such_module(name: &str, near: &[String]) -> String {
    match name.split('.').next() {
        Some("") => hint(near, "name one, such as builtins"),
        Some(root) if root != name && OWN.contains(&root) => {
            hint(near, &format!("import {root} to see what it offers"))
        }
        _ => or_link(near),
    }
}

/// The modules that every service has.
const OWN: [&str; 9] =
    ["bisect", "builtins", "collections", "heapq", "itertools", "multiprocessing", "queue", "threading", "types"];

pub(super) fn method_remedy(method: &str) -> &'static str {
    if method.is_empty() {
        "the name of a method cannot be empty; describe the key to see those that there are"
    } else if method.contains('.') {
        "describe the key to see its methods; those of an interface are there once the service's program names the \
         crate that implements it for the class with `tarmem::link!`"
    } else {
        "describe the key to see its methods; if your program knows the method, the service's program was built from \
         an older version of the class"
    }
}

pub(super) fn no_module_remedy(name: &str, kind: &str) -> String {
    let module = name.rsplit_once('.').map_or(name, |(module, _)| module);
    let more = if kind == "class" { ", and call its methods on an object of it" } else { "" };
    format!("import {}{more}", shown(module))
}

pub(super) fn no_constructor_remedy(class: &str, constructors: &[String]) -> String {
    if constructors.is_empty() {
        let module = class.rsplit_once('.').map_or(class, |(module, _)| module);
        format!("import {} to see what else makes an object of it", shown(module))
    } else {
        format!("name one that it has: {}", shown(&constructors.join(", ")))
    }
}

pub(super) const MEMBER_REMEDY: &str = "import the module to see what it offers; what another crate adds to it is \
    there once the service's program names that crate with `tarmem::link!`, in a version that has it";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_similar_and_few() {
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
