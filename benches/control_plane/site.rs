//! A site of any size: racks of servers, pools of personas and spares, arrays that pools share.

use std::fmt::Write;

use coldspare::site::Site;

/// Servers in a rack, and so on a pair of switches.
const RACK: usize = 24;

/// How large a site is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) pools: usize,
    /// In each pool: servers that wear a persona.
    pub(crate) homes: usize,
    /// In each pool: servers that stand by.
    pub(crate) spares: usize,
    /// How many arrays they all share.
    pub(crate) arrays: usize,
}

impl Size {
    pub(crate) fn servers(self) -> usize {
        self.pools * (self.homes + self.spares)
    }

    /// The site. Its agents beat once a minute, so that what is measured is a failover, and not how
    /// the others are heard meanwhile, which has a bench of its own.
    pub(crate) fn site(self) -> Site {
        let text = self.text();
        match Site::parse(&text, "bench") {
            Ok(site) => site,
            Err(errors) => panic!("{errors}"),
        }
    }

    /// The site as a file.
    pub(crate) fn text(self) -> String {
        let mut text = HEAD.to_owned();
        for array in 0..self.arrays {
            let at = array + 1;
            line(&mut text, format_args!("[arrays.array-{array}]"));
            line(&mut text, format_args!("driver = \"memory\""));
            line(&mut text, format_args!("portals = [\"10.201.255.{at}\"]"));
            let pools = (array..self.pools).step_by(self.arrays);
            for persona in pools.flat_map(|pool| self.personas_of(pool)) {
                for volume in ["image", "data"] {
                    line(
                        &mut text,
                        format_args!("volumes.{volume}-{persona} = {{ gibibytes = 100 }}"),
                    );
                }
            }
        }
        for rack in 0..self.servers().div_ceil(RACK) {
            for side in ["a", "b"] {
                line(&mut text, format_args!("[switches.rack-{rack}-{side}]"));
                line(&mut text, format_args!("driver = \"memory\""));
            }
        }
        for pool in 0..self.pools {
            line(&mut text, format_args!("[pools.pool-{pool}]"));
            line(&mut text, format_args!("simultaneous-failovers = 1000"));
            for server in self.servers_of(pool) {
                write_server(&mut text, server, pool);
            }
            for persona in self.personas_of(pool) {
                write_persona(&mut text, persona, pool, pool % self.arrays);
            }
        }
        text
    }

    fn servers_of(self, pool: usize) -> std::ops::Range<usize> {
        let each = self.homes + self.spares;
        pool * each..(pool + 1) * each
    }

    /// A persona is called by the number of the server that is its home.
    fn personas_of(self, pool: usize) -> std::ops::Range<usize> {
        let servers = self.servers_of(pool);
        servers.start..servers.start + self.homes
    }
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // A string takes everything.
    let _ = writeln!(text, "{line}");
}

const HEAD: &str = r#"name = "bench"
key = { env = "COLDSPARE_SITE_KEY" }
san-subnet = "10.200.0.0/15"
heartbeat = { period = "1m", silence = "2m 6s", path-silence = "3m", idle-limit = "4m" }
networks.scn = { kind = "system-control", vlan = 4004, subnet = "10.1.0.0/16", primary-channel = 1, secondary-channel = 2 }
networks.mapi = { kind = "application", vlan = 103, subnet = "10.3.0.0/16", primary-channel = 3, secondary-channel = 4 }
networks.replication = { kind = "application", vlan = 104, subnet = "10.4.0.0/16", primary-channel = 4, secondary-channel = 3 }
"#;

fn write_server(text: &mut String, server: usize, pool: usize) {
    let (high, low) = address(server);
    let (rack, place) = (server / RACK, server % RACK);
    let mut write = |text_of_line: std::fmt::Arguments<'_>| line(text, text_of_line);
    write(format_args!("[servers.server-{server}]"));
    write(format_args!("pool = \"pool-{pool}\""));
    write(format_args!(
        "uuid = \"8a1f6d2e-3c54-4b19-9e07-{:012x}\"",
        server + 1
    ));
    write(format_args!("processors = 16\nmemory = \"64 GiB\""));
    write(format_args!(
        "boot-mode = \"uefi\"\nbmc = {{ driver = \"memory\" }}"
    ));
    write(format_args!(
        "domains = {{ rack = \"{rack}\", feed = \"{}\" }}",
        server % 2
    ));
    for channel in 1..=4 {
        let side = if channel % 2 == 1 { "a" } else { "b" };
        write(format_args!(
            "nics.{channel} = {{ mac = \"02:00:00:{high:02x}:{low:02x}:0{channel}\", \
             speed = \"10 Gb/s\", switch = \"rack-{rack}-{side}\", port = \"{place}/{channel}\" }}"
        ));
    }
    write(format_args!(
        "san-ports = [{{ mac = \"02:00:01:{high:02x}:{low:02x}:01\", \
         address = \"10.200.{high}.{low}\", iscsi-boot = true }}, \
         {{ mac = \"02:00:01:{high:02x}:{low:02x}:02\", \
         address = \"10.201.{high}.{low}\", iscsi-boot = true }}]"
    ));
}

fn write_persona(text: &mut String, number: usize, pool: usize, array: usize) {
    let (high, low) = address(number);
    let mut write = |text_of_line: std::fmt::Arguments<'_>| line(text, text_of_line);
    write(format_args!("[personas.persona-{number}]"));
    write(format_args!(
        "pool = \"pool-{pool}\"\nhome = \"server-{number}\""
    ));
    write(format_args!(
        "initiator = \"iqn.2012-08.com.example:persona-{number}\""
    ));
    for (key, volume) in [("image", "image"), ("data", "data")] {
        let volume = format!("{{ array = \"array-{array}\", volume = \"{volume}-{number}\" }}");
        let volume = if key == "data" {
            format!("[{volume}]")
        } else {
            volume
        };
        write(format_args!("{key} = {volume}"));
    }
    write(format_args!(
        "boot-timer = \"20m\"\nnetwork-mode = \"trunk\""
    ));
    write(format_args!("requirements = {{ memory = \"16 GiB\" }}"));
    write(format_args!(
        "connections = {{ scn = \"pool\", mapi = \"10.3.{high}.{low}\", \
         replication = \"10.4.{high}.{low}\" }}"
    ));
}

/// The last two bytes of a server's addresses.
fn address(number: usize) -> (usize, usize) {
    let number = number + 1;
    (number / 250, number % 250 + 1)
}
