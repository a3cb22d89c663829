//! How users prove who they are, and what a sign-in needs next.

use crate::Account;

/// A proof of who the user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The account's password.
    Password,
    /// A code e-mailed to the account's address.
    EmailCode,
    /// A sign-in at an OpenID provider with a connected identity.
    Provider,
}

impl Method {
    /// Returns the stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::EmailCode => "email_code",
            Self::Provider => "provider",
        }
    }
}

/// The ways to sign in that an account has. Derived from its rows, never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignInMethods {
    /// Whether it has a password.
    pub password: bool,
    /// Whether an identity at a provider is connected.
    pub provider: bool,
}

/// What the operator or the account's organization demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInPolicy {
    /// The account's own methods.
    Own,
    /// Only the provider of the organization that manages the account.
    OrganizationProvider,
    /// Only a code, because the organization that manages the account has no provider.
    OrganizationCode,
    /// Nothing: the account is deactivated.
    Deactivated,
}

/// Whether the browser may skip the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceTrust {
    /// Its owner has trusted it.
    Trusted,
    /// It is new, or its owner has not.
    None,
}

/// What a sign-in needs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInNext {
    /// This proof.
    Prove(Method),
    /// Nothing: a session begins.
    Done,
    /// There is no way to sign in. The user sets a password by "Forgot password?", unless the account is deactivated.
    Impossible,
}

impl Account {
    /// Returns the account's ways to sign in.
    #[must_use]
    pub const fn sign_in_methods(&self) -> SignInMethods {
        SignInMethods {
            password: self.has_password,
            provider: self.issuer.is_some(),
        }
    }

    /// Returns what the account's organization and the operator demand.
    #[must_use]
    pub fn sign_in_policy(&self) -> SignInPolicy {
        match &self.managed_by {
            _ if self.disabled_at.is_some() => SignInPolicy::Deactivated,
            None => SignInPolicy::Own,
            Some(membership) if membership.provider.is_some() => SignInPolicy::OrganizationProvider,
            Some(_) => SignInPolicy::OrganizationCode,
        }
    }
}

/// Returns what a sign-in needs next, from what the account has, what is demanded, and what was proven. The code and the password
/// may come in either order.
#[must_use]
pub fn next_step(has: SignInMethods, policy: SignInPolicy, proven: &[Method], device: DeviceTrust) -> SignInNext {
    let require = |method| {
        if proven.contains(&method) {
            SignInNext::Done
        } else {
            SignInNext::Prove(method)
        }
    };
    match policy {
        SignInPolicy::Deactivated => SignInNext::Impossible,
        SignInPolicy::OrganizationProvider => require(Method::Provider),
        SignInPolicy::OrganizationCode => require(Method::EmailCode),
        SignInPolicy::Own if has.provider && proven.contains(&Method::Provider) => SignInNext::Done,
        SignInPolicy::Own if has.password => match require(Method::Password) {
            SignInNext::Done if device == DeviceTrust::None => require(Method::EmailCode),
            next => next,
        },
        SignInPolicy::Own if has.provider => SignInNext::Prove(Method::Provider),
        SignInPolicy::Own => SignInNext::Impossible,
    }
}

#[cfg(test)]
mod tests {
    use super::Method::{EmailCode, Password, Provider};
    use super::SignInNext::{Done, Impossible, Prove};
    use super::SignInPolicy::{Deactivated, OrganizationCode, OrganizationProvider, Own};
    use super::*;

    const POLICIES: [SignInPolicy; 4] = [Own, OrganizationProvider, OrganizationCode, Deactivated];
    const TRUST: [DeviceTrust; 2] = [DeviceTrust::None, DeviceTrust::Trusted];

    /// Every combination of what an account has, what is demanded, what was proven, and of the device: 4 × 4 × 8 × 2.
    #[test]
    fn every_combination_needs_its_next_proof() {
        let mut combinations = 0;
        for (password, provider) in [(false, false), (false, true), (true, false), (true, true)] {
            let has = SignInMethods { password, provider };
            for (policy, device) in POLICIES
                .into_iter()
                .flat_map(|policy| TRUST.map(|device| (policy, device)))
            {
                for bits in 0..8_u8 {
                    let all = [Password, EmailCode, Provider];
                    let proven: Vec<_> = (0..3).filter(|bit| bits >> bit & 1 == 1).map(|bit| all[bit]).collect();
                    let is_proven = |method| proven.contains(&method);
                    let expected = match (policy, password, provider) {
                        (Deactivated, ..) => Impossible,
                        (OrganizationProvider, ..) if is_proven(Provider) => Done,
                        (OrganizationProvider, ..) => Prove(Provider),
                        (OrganizationCode, ..) if is_proven(EmailCode) => Done,
                        (OrganizationCode, ..) => Prove(EmailCode),
                        (Own, _, true) if is_proven(Provider) => Done,
                        (Own, false, false) => Impossible,
                        (Own, false, true) => Prove(Provider),
                        (Own, true, _) if !is_proven(Password) => Prove(Password),
                        (Own, true, _) if is_proven(EmailCode) || device == DeviceTrust::Trusted => Done,
                        (Own, true, _) => Prove(EmailCode),
                    };
                    combinations += 1;
                    assert_eq!(
                        next_step(has, policy, &proven, device),
                        expected,
                        "{has:?} {policy:?} {proven:?} {device:?}"
                    );
                }
            }
        }
        assert_eq!(combinations, 4 * 4 * 8 * 2);
    }

    /// Attack: a password from before an organization took the account over, or a trusted device from then.
    #[test]
    fn an_old_password_does_not_open_a_managed_account() {
        let has = SignInMethods {
            password: true,
            provider: true,
        };
        for (policy, needed) in [(OrganizationProvider, Provider), (OrganizationCode, EmailCode)] {
            for device in TRUST {
                assert_eq!(next_step(has, policy, &[Password], device), Prove(needed));
            }
        }
    }
}
