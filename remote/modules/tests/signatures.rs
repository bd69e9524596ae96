//! The signatures that the modules register.

use tarmem_remote::describe::Registration;

extern crate tarmem_modules as _;

#[test]
fn every_signature_of_the_modules_is_known_in_depth() {
    for registration in inventory::iter::<Registration> {
        let signatures: Vec<_> = match registration {
            Registration::Class(class) => vec![class.signature],
            Registration::Implementation(implementation) => {
                implementation.methods.iter().map(|method| method.signature).collect()
            }
            Registration::Functions(functions) => functions.iter().map(|function| function.signature).collect(),
            _ => Vec::new(),
        };
        for signature in signatures {
            assert!(!signature().goes_by_names(), "{}: {:?}", signature(), signature().describe().shapes);
        }
    }
}
