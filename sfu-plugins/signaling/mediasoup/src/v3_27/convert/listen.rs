use sfu_core::control;

use super::ip_address;
use crate::refusal::Refusal;
use crate::schema::v3_27::transport::{ListenInfo, Protocol};

/// Where to listen; `ports` are those to choose from where the library names none.
pub(crate) fn listen_info(info: ListenInfo, ports: (u16, u16)) -> Result<control::ListenInfo, Refusal> {
    let range = (info.port_range.min, info.port_range.max);
    let (port, port_range) = match (range, info.port) {
        // Half a range is none.
        ((0, _) | (_, 0), 0) => (0, Some(ports)),
        ((0, _) | (_, 0), port) => (port, None),
        // A range wins over a port.
        (range, _) => (0, Some(range)),
    };
    if let Some((min, max)) = port_range.filter(|(min, max)| max < min) {
        return Err(Refusal::type_error(format_args!(
            "signaling.mediasoup: portRange: max ({max}) cannot be less than min ({min})"
        )));
    }
    let size = |bytes: u32| (bytes > 0).then_some(bytes);
    Ok(control::ListenInfo {
        protocol: match info.protocol {
            Protocol::Udp => control::Protocol::Udp,
            Protocol::Tcp => control::Protocol::Tcp,
        },
        ip: ip_address(&info.ip)?,
        announced_address: info.announced_address.filter(|address| !address.is_empty()),
        expose_internal_ip: info.expose_internal_ip,
        port,
        port_range,
        ipv6_only: info.flags.ipv6_only,
        udp_reuse_port: info.flags.udp_reuse_port,
        send_buffer_size: size(info.send_buffer_size),
        recv_buffer_size: size(info.recv_buffer_size),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::v3_27::transport::{PortRange, SocketFlags};

    fn info(port: u16, min: u16, max: u16) -> ListenInfo {
        ListenInfo {
            protocol: Protocol::Udp,
            ip: "127.0.0.1".into(),
            announced_address: None,
            expose_internal_ip: false,
            port,
            port_range: PortRange { min, max },
            flags: SocketFlags { ipv6_only: false, udp_reuse_port: false },
            send_buffer_size: 0,
            recv_buffer_size: 7,
        }
    }

    #[test]
    fn a_range_wins_over_a_port_and_without_both_the_workers_range_is_taken() {
        let ports = |port, min, max| {
            listen_info(info(port, min, max), (10, 20))
                .map(|listen| (listen.port, listen.port_range))
                .unwrap()
        };
        assert_eq!(ports(0, 0, 0), (0, Some((10, 20))));
        assert_eq!(ports(5, 0, 0), (5, None));
        assert_eq!(ports(5, 30, 40), (0, Some((30, 40))));
    }

    #[test]
    fn a_range_backwards_and_an_address_that_is_none_are_type_errors() {
        let class = |info| listen_info(info, (10, 20)).unwrap_err().class.name();
        assert_eq!(class(info(0, 40, 30)), "TypeError");
        assert_eq!(class(ListenInfo { ip: "chicken".into(), ..info(0, 0, 0) }), "TypeError");
    }

    #[test]
    fn no_size_of_a_buffer_is_the_systems() {
        let listen = listen_info(info(1, 0, 0), (10, 20)).unwrap();
        assert_eq!((listen.send_buffer_size, listen.recv_buffer_size), (None, Some(7)));
    }
}
