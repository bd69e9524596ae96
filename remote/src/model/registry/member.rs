//! What is in a module.

use super::ClassInfo;
use crate::describe::{Constant, Function};
use crate::error::Error;
use crate::results::{MemberDescription, MemberKind};
use std::sync::Arc;

pub(super) enum Member {
    Class(Arc<ClassInfo>),
    Function(Function),
    Constant(Constant),
}

impl Member {
    pub(super) fn describe(&self, name: &str) -> Result<MemberDescription, Error> {
        let described = |kind, signature: String, docs: &str| MemberDescription {
            name: name.to_owned(),
            kind,
            signature,
            parameters: Vec::new(),
            docs: docs.to_owned(),
            methods: Vec::new(),
            value: None,
            durable: None,
        };
        Ok(match self {
            Member::Class(class) => MemberDescription {
                methods: class.describe_methods(),
                durable: Some(class.entry.is_durable()),
                ..described(MemberKind::Class, class.entry.path.to_owned(), class.entry.docs)
            },
            Member::Function(function) => {
                let kind = if (function.makes)().is_some() { MemberKind::Generator } else { MemberKind::Function };
                MemberDescription {
                    parameters: function.params.iter().map(Into::into).collect(),
                    ..described(kind, function.signature(), function.docs)
                }
            }
            Member::Constant(constant) => MemberDescription {
                value: Some((constant.value)()?),
                ..described(MemberKind::Constant, constant.ty.to_owned(), constant.docs)
            },
        })
    }
}
