//! The controller's end of each device: what a call reads or changes of the plain values.

use std::collections::BTreeMap;

use async_trait::async_trait;
use coldspare_bmc as bmc;
use coldspare_names::{
    ArrayName, Generation, PortId, PortName, ServerName, SwitchName, VolumeName,
};
use coldspare_network as network;
use coldspare_san as san;

use crate::line::Line;
use crate::plant::{Plant, Server};

/// The controller's end of one device.
#[derive(Debug)]
pub(crate) struct Handle<Name>(pub(crate) Name, pub(crate) Line);

impl Handle<ServerName> {
    async fn server<T>(
        &self,
        changes: bool,
        made: impl FnOnce(&mut Server) -> T + Send,
    ) -> Result<T, bmc::Error> {
        let made = self.1.call(changes, |plant| {
            let server = plant.servers.get_mut(&self.0)?;
            server.mains.then(|| made(server))
        });
        let silent = || bmc::Error::NoAnswer {
            server: self.0.clone(),
            source: None,
        };
        made.await.ok_or_else(silent)
    }
}

#[async_trait]
impl bmc::Bmc for Handle<ServerName> {
    async fn read(&self) -> Result<bmc::Reading, bmc::Error> {
        let identity = self
            .1
            .iron()
            .site
            .identity(&self.0)
            .expect("every server has one");
        let power = self.server(false, |server| server.power()).await?;
        Ok(bmc::Reading { identity, power })
    }

    async fn set_power(&self, command: bmc::PowerCommand) -> Result<(), bmc::Error> {
        self.server(true, |server| server.turn(command == bmc::PowerCommand::On))
            .await
    }

    async fn settings(&self) -> Result<bmc::Settings, bmc::Error> {
        let read = |server: &mut Server| bmc::Settings {
            boot: Some(server.boots.clone()),
            restore: Some(server.restore),
        };
        self.server(false, read).await
    }

    async fn set_boot(&self, source: &bmc::BootSource) -> Result<(), bmc::Error> {
        let set = |server: &mut Server| {
            server.boots = source.armed();
            server.secret = match source {
                bmc::BootSource::Nothing => Generation::NONE,
                bmc::BootSource::Iscsi(boot) => boot.generation,
            };
        };
        self.server(true, set).await
    }

    async fn set_restore_policy(&self, policy: bmc::RestorePolicy) -> Result<(), bmc::Error> {
        self.server(true, |server| server.restore = policy).await
    }

    async fn inventory(&self) -> Result<bmc::Inventory, bmc::Error> {
        Ok(bmc::Inventory::of(self.read().await?.identity))
    }
}

#[async_trait]
impl network::Switch for Handle<SwitchName> {
    fn name(&self) -> &SwitchName {
        &self.0
    }

    async fn ports(&self) -> Result<BTreeMap<PortName, network::PortStatus>, network::Error> {
        let status = |membership: &network::Membership| network::PortStatus {
            observed: membership.clone().into(),
            link: network::Link::Up,
            managed: true,
        };
        let read = |plant: &mut Plant| {
            let ports = plant.ports.iter();
            ports
                .map(|(name, membership)| (name.clone(), status(membership)))
                .collect()
        };
        Ok(self.1.call(false, read).await)
    }

    async fn set_ports(
        &self,
        expected: &BTreeMap<PortName, network::Observed>,
        wanted: &network::SwitchPlan,
    ) -> Result<(), network::Error> {
        let set = |plant: &mut Plant| {
            for (port, expected) in expected {
                let found = &plant.ports[port];
                if !expected.is(found) && wanted.get(port) != Some(found) {
                    return Err(network::Error::Conflict {
                        port: PortId {
                            switch: self.0.clone(),
                            port: port.clone(),
                        },
                        expected: expected.clone(),
                        found: found.clone().into(),
                    });
                }
            }
            plant.ports.extend(wanted.clone());
            Ok(())
        };
        self.1.call(true, set).await
    }
}

impl Handle<ArrayName> {
    /// What the steps of a failover never ask.
    fn unused<T>() -> Result<T, san::Error> {
        unreachable!("no step makes or deletes a volume")
    }

    fn volume(name: &VolumeName, spec: &san::VolumeSpec) -> san::Volume {
        san::Volume {
            name: name.clone(),
            size: spec.size,
            thin: spec.thin,
            target: format!("iqn.2012-08.com.example:{name}")
                .parse()
                .expect("a good name"),
            lun: san::Lun::default(),
            origin: san::Origin::Blank,
        }
    }
}

#[async_trait]
impl san::Array for Handle<ArrayName> {
    fn name(&self) -> &ArrayName {
        &self.0
    }

    fn traits(&self) -> san::ArrayTraits {
        self.1.iron().traits
    }

    async fn portals(&self) -> Result<Vec<san::Portal>, san::Error> {
        Ok(self.1.iron().site.arrays[&self.0].portals.clone())
    }

    async fn volumes(&self) -> Result<Vec<san::Volume>, san::Error> {
        let volumes = self.1.iron().site.arrays[&self.0].volumes.iter();
        Ok(volumes
            .map(|(name, spec)| Self::volume(name, spec))
            .collect())
    }

    async fn create(&self, _: &san::VolumeSpec) -> Result<san::Volume, san::Error> {
        Self::unused()
    }

    async fn clone_volume(
        &self,
        _: &VolumeName,
        _: &VolumeName,
        _: san::Progress<'_>,
    ) -> Result<san::Volume, san::Error> {
        Self::unused()
    }

    async fn snapshot(
        &self,
        _: &VolumeName,
        _: &VolumeName,
        _: san::Progress<'_>,
    ) -> Result<san::Volume, san::Error> {
        Self::unused()
    }

    async fn restore(
        &self,
        _: &VolumeName,
        _: &VolumeName,
        _: san::Progress<'_>,
    ) -> Result<(), san::Error> {
        Self::unused()
    }

    async fn delete(&self, _: &VolumeName) -> Result<(), san::Error> {
        Self::unused()
    }

    async fn admissions(&self) -> Result<BTreeMap<VolumeName, san::Admissions>, san::Error> {
        Ok(self.1.call(false, |plant| plant.volumes.clone()).await)
    }

    async fn set_admissions(
        &self,
        volume: &VolumeName,
        expected: &san::Admissions,
        wanted: &san::Admissions,
    ) -> Result<(), san::Error> {
        let iron = self.1.iron();
        let (expected, wanted) = (Plant::kept(iron, expected), Plant::kept(iron, wanted));
        // An array that keeps no stamp compares when it is called, and takes its time to do it.
        let compares = iron.traits.stamps != san::StampKeeper::Nobody || !self.1.is_late();
        let set = |plant: &mut Plant| {
            let found = plant.volumes.get_mut(volume).ok_or(san::Refusal::Unknown)?;
            if compares {
                found.permit(&expected, &wanted)?;
            }
            *found = wanted;
            Ok(())
        };
        let refused = |refusal| san::Error::Refused {
            array: self.0.clone(),
            volume: volume.clone(),
            refusal,
        };
        self.1.call(true, set).await.map_err(refused)
    }

    async fn sessions(&self) -> Result<Vec<san::Session>, san::Error> {
        let iron = self.1.iron().clone();
        Ok(self.1.call(false, move |plant| plant.sessions(&iron)).await)
    }

    async fn drop_sessions(&self, sessions: &[san::SessionId]) -> Result<(), san::Error> {
        self.1
            .call(true, |plant| plant.drop_sessions(sessions))
            .await;
        Ok(())
    }
}
