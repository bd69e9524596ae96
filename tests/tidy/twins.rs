//! The methods of a session are documented twice, for `Session` and for `ClientApi`: both say the same.

use super::attributes::docs_of;
use super::sources;
use std::collections::BTreeMap;
use syn::{Attribute, ImplItem, Item, Type, Visibility};

/// Methods of `ClientApi` that a session does not need: what it is made of.
const OF_THE_API: [&str; 2] = ["caller", "new"];

#[test]
fn session_and_client_api_say_the_same_of_each_method() {
    let (session, api) = (prose_of("src/client/session", "Session"), prose_of("remote/src/client", "ClientApi"));
    assert!(api.len() > 10, "ClientApi has {} methods", api.len());
    let mut mistakes = Vec::new();
    for (name, says) in &api {
        match session.get(name) {
            None if OF_THE_API.contains(&name.as_str()) => {}
            None => mistakes.push(format!("Session has no method {name}")),
            Some(other) if other != says => {
                mistakes.push(format!("{name}\n  of ClientApi: {says}\n  of Session:   {other}"));
            }
            Some(_) => {}
        }
    }
    assert!(mistakes.is_empty(), "the documentation differs:\n{}", mistakes.join("\n"));
}

/// The documentation of the public methods of a type, without examples: it is compared, however it is wrapped.
fn prose_of(folder: &str, name: &str) -> BTreeMap<String, String> {
    let mut methods = BTreeMap::new();
    for (_, text) in sources(folder) {
        for item in syn::parse_file(&text).expect("Rust").items {
            let Item::Impl(item) = item else { continue };
            let is_of_it = matches!(&*item.self_ty, Type::Path(path) if path.path.is_ident(name));
            if item.trait_.is_some() || !is_of_it {
                continue;
            }
            for method in item.items {
                if let ImplItem::Fn(method) = method
                    && matches!(method.vis, Visibility::Public(_))
                {
                    methods.insert(method.sig.ident.to_string(), prose(&method.attrs));
                }
            }
        }
    }
    methods
}

fn prose(attrs: &[Attribute]) -> String {
    let mut is_in_code = false;
    let mut words = Vec::new();
    for line in docs_of(attrs) {
        if line.trim_start().starts_with("```") {
            is_in_code = !is_in_code;
        } else if !is_in_code {
            words.extend(line.split_whitespace().map(str::to_owned));
        }
    }
    words.join(" ")
}
