//! importlib's rules for module names.

use crate::error::Error;

/// The absolute name of module `name`, seen from `package`.
///
/// This follows Python's `importlib.util.resolve_name`: a name without leading dots is absolute and `package` is
/// ignored; each dot after the first goes up one package.
///
/// # Errors
/// [`Error::BadImport`] for an empty name or part, a relative name without a package, or one that goes above the top
/// package.
///
/// ```
/// use tarmem_remote::import::resolve;
/// assert_eq!(resolve("shop.pricing", None).unwrap(), "shop.pricing");
/// assert_eq!(resolve("..util", Some("shop.pricing")).unwrap(), "shop.util");
/// ```
pub fn resolve(name: &str, package: Option<&str>) -> Result<String, Error> {
    let bad = |reason: &str| Error::BadImport { name: name.to_owned(), reason: reason.to_owned() };
    let relative = name.trim_start_matches('.');
    let dots = name.len() - relative.len();
    let absolute = if dots == 0 {
        name.to_owned()
    } else {
        let package = package
            .filter(|package| !package.is_empty())
            .ok_or_else(|| bad("a relative name needs the package that it is relative to; pass one"))?;
        let mut parts: Vec<&str> = package.split('.').collect();
        for _ in 1..dots {
            parts.pop();
        }
        if parts.is_empty() {
            return Err(bad(&format!("it goes above the top of package {package:?}; use fewer dots")));
        }
        if !relative.is_empty() {
            parts.push(relative);
        }
        parts.join(".")
    };
    if absolute.split('.').any(str::is_empty) {
        return Err(bad("a module name consists of parts joined by single dots, such as shop.pricing"));
    }
    Ok(absolute)
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn relative_names_follow_importlib() {
        let cases = [
            ("shop.pricing", None, Some("shop.pricing")),
            ("shop.pricing", Some("ignored"), Some("shop.pricing")),
            (".util", Some("shop"), Some("shop.util")),
            (".util", Some("shop.pricing"), Some("shop.pricing.util")),
            ("..util", Some("shop.pricing"), Some("shop.util")),
            ("...util", Some("a.b.c"), Some("a.util")),
            ("..", Some("a.b"), Some("a")),
            ("...util", Some("a.b"), None),
            (".util", None, None),
            (".util", Some(""), None),
            ("", None, None),
            ("a..b", None, None),
            ("a.", None, None),
        ];
        for (name, package, expected) in cases {
            assert_eq!(resolve(name, package).ok().as_deref(), expected, "{name:?} from {package:?}");
        }
    }
}
