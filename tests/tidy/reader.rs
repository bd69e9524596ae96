//! The paths in the code of one module.

use super::attributes::is_for_tests;
use super::imports::Module;
use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, Item, Meta, Stmt, UseTree, Visibility};

/// Gathers the paths of a module's code.
pub(crate) struct Reader<'a> {
    pub(crate) module: &'a mut Module,
}

impl Reader<'_> {
    fn import(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        let (path, name) = match tree {
            UseTree::Path(path) => return self.import(&path.tree, &with(&path.ident)),
            UseTree::Group(group) => return group.items.iter().for_each(|tree| self.import(tree, before)),
            UseTree::Glob(_) => {
                self.module.globs.push(before.to_vec());
                self.module.uses.push(before.to_vec());
                return;
            }
            UseTree::Name(name) if name.ident == "self" => (before.to_vec(), before.last().cloned()),
            UseTree::Name(name) => (with(&name.ident), Some(name.ident.to_string())),
            UseTree::Rename(name) if name.ident == "self" => (before.to_vec(), Some(name.rename.to_string())),
            UseTree::Rename(name) => (with(&name.ident), Some(name.rename.to_string())),
        };
        if let Some(name) = name {
            self.module.imported.entry(name).or_default().push(path.clone());
        }
        self.module.uses.push(path);
    }

    /// The paths among tokens: names with `::` between them. Not those that begin with `$crate`, which are for where a
    /// macro is used.
    fn read_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        // How many colons have come since the last name.
        let mut colons = 0;
        let mut is_variable = false;
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.end_of_tokens(&mut path);
                    }
                    path.push(if is_variable { format!("${name}") } else { name.to_string() });
                    (colons, is_variable) = (0, false);
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
                other => {
                    self.end_of_tokens(&mut path);
                    colons = 0;
                    is_variable = matches!(&other, TokenTree::Punct(mark) if mark.as_char() == '$');
                    if let TokenTree::Group(group) = other {
                        self.read_tokens(group.stream());
                    }
                }
            }
        }
        self.end_of_tokens(&mut path);
    }

    fn end_of_tokens(&mut self, path: &mut Vec<String>) {
        let path = std::mem::take(path);
        if path.len() > 1 {
            self.module.paths.push(path);
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Const(item) => &item.attrs,
            Item::Enum(item) => &item.attrs,
            Item::ExternCrate(item) => {
                if let Some((_, name)) = &item.rename {
                    let path = if item.ident == "self" { "crate".to_owned() } else { item.ident.to_string() };
                    self.module.imported.entry(name.to_string()).or_default().push(vec![path]);
                }
                return;
            }
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Macro(item) => &item.attrs,
            Item::Mod(item) => &item.attrs,
            Item::Static(item) => &item.attrs,
            Item::Struct(item) => &item.attrs,
            Item::Trait(item) => &item.attrs,
            Item::Type(item) => &item.attrs,
            Item::Union(item) => &item.attrs,
            Item::Use(item) => {
                if !is_for_tests(&item.attrs) {
                    self.import(&item.tree, &[]);
                }
                return;
            }
            _ => return visit::visit_item(self, item),
        };
        if !is_for_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        let is_out = match item {
            syn::ImplItem::Fn(item) => is_for_tests(&item.attrs),
            syn::ImplItem::Const(item) => is_for_tests(&item.attrs),
            _ => false,
        };
        if !is_out {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        let attributes = match statement {
            Stmt::Local(local) => &local.attrs,
            Stmt::Macro(statement) => &statement.attrs,
            Stmt::Expr(Expr::If(inner), _) => &inner.attrs,
            Stmt::Expr(Expr::Block(inner), _) => &inner.attrs,
            Stmt::Expr(Expr::Call(inner), _) => &inner.attrs,
            Stmt::Expr(Expr::MethodCall(inner), _) => &inner.attrs,
            Stmt::Expr(Expr::Match(inner), _) => &inner.attrs,
            Stmt::Expr(Expr::ForLoop(inner), _) => &inner.attrs,
            Stmt::Expr(Expr::Assign(inner), _) => &inner.attrs,
            _ => return visit::visit_stmt(self, statement),
        };
        if !is_for_tests(attributes) {
            visit::visit_stmt(self, statement);
        }
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if !is_for_tests(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_field_value(&mut self, field: &'ast syn::FieldValue) {
        if !is_for_tests(&field.attrs) {
            visit::visit_field_value(self, field);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        // `::name` is another package's.
        if path.leading_colon.is_none() {
            self.module.paths.push(names);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.visit_path(&called.path);
        self.read_tokens(called.tokens.clone());
    }

    /// `pub(in path)` is no use of anything.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.read_tokens(list.tokens.clone());
            // `#[serde(with = "crate::path")]`
            for token in list.tokens.clone() {
                let TokenTree::Literal(literal) = token else { continue };
                let path = syn::parse_str::<syn::LitStr>(&literal.to_string()).map(|text| text.parse::<syn::Path>());
                if let Ok(Ok(path)) = path
                    && path.segments.len() > 1
                {
                    self.visit_path(&path);
                }
            }
        }
    }
}
