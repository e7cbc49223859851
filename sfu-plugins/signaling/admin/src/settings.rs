//! The configuration, checked.
use std::net::IpAddr;

use crate::Config;
use crate::cidr::Cidr;
use crate::token::Token;

/// What the configuration means.
pub(crate) struct Settings {
    /// The token, if one is needed.
    pub(crate) token: Option<Token>,
    /// Where plain RTP may be sent to.
    pub(crate) rtp_out_allow: Vec<Cidr>,
    /// Where plain RTP is received.
    pub(crate) rtp_in_listen_ip: IpAddr,
    /// Requests to `/api/events` at the same time at the most.
    pub(crate) max_event_streams: usize,
}

impl Settings {
    /// Checks a configuration; the error says what to write instead.
    pub(crate) fn new(config: Config) -> Result<Settings, String> {
        if config.max_event_streams == 0 || config.max_event_streams > 10_000 {
            return Err("max_event_streams: must be 1 to 10000".into());
        }
        let network = |text: &String| text.parse::<Cidr>().map_err(|error| format!("rtp_out_allow: {error}"));
        Ok(Settings {
            token: config.token.map(|secret| Token::new(&secret.0)).transpose()?,
            rtp_out_allow: config.rtp_out_allow.iter().map(network).collect::<Result<_, _>>()?,
            rtp_in_listen_ip: config.rtp_in_listen_ip.to_canonical(),
            max_event_streams: config.max_event_streams,
        })
    }

    /// Refuses to serve other machines without a token.
    pub(crate) fn check_exposure(&self, loopback: bool, listen: &str) -> Result<(), String> {
        if loopback || self.token.is_some() {
            return Ok(());
        }
        Err(format!(
            "{listen} is reachable from other machines and the admin API has no token; set signaling.admin.token, \
             listen on 127.0.0.1, or switch it off by signaling.admin.enabled = false"
        ))
    }

    /// Whether anything may be sent to an address.
    pub(crate) fn may_send_to(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        // To most systems the unspecified address is another name of this machine.
        !ip.is_unspecified() && self.rtp_out_allow.iter().any(|network| network.contains(ip))
    }

    /// Whether a request may listen on an address.
    pub(crate) fn may_listen_on(&self, ip: IpAddr) -> bool {
        let (ip, own) = (ip.to_canonical(), self.rtp_in_listen_ip);
        ip == own || ip.is_loopback() || (own.is_unspecified() && (own.is_ipv6() || ip.is_ipv4()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    fn settings(text: &str) -> Result<Settings, String> {
        Settings::new(toml::from_str(text).unwrap())
    }

    #[test]
    fn an_empty_table_is_good_and_stays_on_loopback() {
        let settings = settings("").unwrap();
        assert!(settings.token.is_none());
        for good in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(settings.may_send_to(good.parse().unwrap()), "{good}");
            assert!(settings.may_listen_on(good.parse().unwrap()), "{good}");
        }
        for bad in
            ["10.0.0.1", "0.0.0.0", "::", "224.0.0.1", "2001:db8::1", "::ffff:10.0.0.1", "255.255.255.255"]
        {
            assert!(!settings.may_send_to(bad.parse().unwrap()), "{bad}");
            assert!(!settings.may_listen_on(bad.parse().unwrap()), "{bad}");
        }
    }

    #[test]
    fn a_network_of_everything_still_leaves_out_the_unspecified_address() {
        let settings = settings("rtp_out_allow = ['0.0.0.0/0', '::/0']").unwrap();
        assert!(settings.may_send_to("192.0.2.1".parse().unwrap()));
        assert!(!settings.may_send_to("0.0.0.0".parse().unwrap()));
        assert!(!settings.may_send_to("::".parse().unwrap()));
    }

    #[test]
    fn listening_everywhere_allows_every_address_of_that_family() {
        let four = settings("rtp_in_listen_ip = '0.0.0.0'").unwrap();
        assert!(four.may_listen_on("192.0.2.1".parse().unwrap()));
        assert!(!four.may_listen_on("2001:db8::1".parse().unwrap()));
        assert!(settings("rtp_in_listen_ip = '::'").unwrap().may_listen_on("192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for text in [
            "rtp_out_allow = ['10.0.0.0/33']",
            "rtp_out_allow = ['localhost']",
            "max_event_streams = 0",
            "token = 'short'",
            "token = ''",
            "token = 'with a space inside it'",
        ] {
            assert!(settings(text).is_err(), "{text}");
        }
        assert!(toml::from_str::<Config>("tokn = 'x'").is_err());
    }

    #[test]
    fn beyond_loopback_a_token_is_needed() {
        let bare = settings("").unwrap();
        assert!(bare.check_exposure(true, "x").is_ok());
        let refused = bare.check_exposure(false, "http://192.0.2.1:8080").unwrap_err();
        assert!(
            refused.contains("http://192.0.2.1:8080") && refused.contains("signaling.admin.token"),
            "{refused}"
        );
        assert!(settings("token = '0123456789abcdef'").unwrap().check_exposure(false, "x").is_ok());
    }

    #[test]
    fn a_token_is_not_printed() {
        let config = Config { token: Some(Secret("hush-hush-hush-hush".into())), ..Config::default() };
        assert!(!format!("{config:?}").contains("hush"));
    }
}
