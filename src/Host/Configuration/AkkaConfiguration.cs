using System.Globalization;
using Akka.Cluster.Sharding;
using Akka.Cluster.Tools.Singleton;
using Akka.Configuration;
using Akka.DistributedData;
using Akka.Persistence.Sql;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Host;

/// <summary>Akka's configuration of a node: what settings say in <c>akka { }</c>, over <c>akka.conf</c>, over Akka's own defaults.</summary>
public static class AkkaConfiguration
{
    /// <summary>Composes the configuration.</summary>
    /// <param name="akka">What settings files say in <c>akka { }</c>.</param>
    /// <param name="connectionString">Of the journal.</param>
    /// <param name="log">File that takes warnings.</param>
    /// <param name="verbose">Whether warnings go to standard error too.</param>
    /// <param name="provider">linq2db's name of the journal's provider.</param>
    /// <param name="cluster">Address, seeds and roles of a node of a cluster; null: the node is alone.</param>
    public static Config For(ConfigNode.Map akka, string connectionString, string log, bool verbose, string provider = "SQLite.MS", ClusterSettings? cluster = null)
    {
        var start = ConfigNodes.At("stream-mlops.log", ConfigNode.Of(("file", log), ("stderr", verbose ? "on" : "off")));
        foreach (var plugin in new[] { "journal.sql", "query.journal.sql", "snapshot-store.sql" })
            start = start.Overlay(ConfigNodes.At($"akka.persistence.{plugin}", ConfigNode.Of(("connection-string", connectionString), ("provider-name", provider))));
        var own = SettingsFile.Embedded("akka.conf").Root;
        if (cluster is not null)
        {
            own = own.Overlay(SettingsFile.Embedded("akka-cluster.conf").Root);
            start = start.Overlay(ConfigNodes.At("akka.remote.dot-netty.tcp", ConfigNode.Of(("hostname", cluster.Host), ("port", cluster.Port.ToString(CultureInfo.InvariantCulture)))))
                .Overlay(ConfigNodes.At("akka.cluster", ConfigNode.Of(("min-nr-of-members", cluster.MinMembers.ToString(CultureInfo.InvariantCulture)))
                    .With("roles", Texts(cluster.Roles))));
        }
        return ConfigurationFactory.ParseString(own.Overlay(ConfigNode.Map.Empty.With("akka", akka)).Overlay(start).ToHocon())
            .WithFallback(SqlPersistence.DefaultConfiguration)
            // Loaded with the extensions, their serializers would come too late for the first messages of nodes that are further.
            .WithFallback(ClusterSharding.DefaultConfig())
            .WithFallback(ClusterSingleton.DefaultConfig())
            .WithFallback(DistributedData.DefaultConfig());
    }

    private static ConfigNode.List Texts(IEnumerable<string> texts) => new([.. texts.Select(t => new ConfigNode.Text(t))]);
}
