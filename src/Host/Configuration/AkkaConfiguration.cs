using Akka.Configuration;
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
    public static Config For(ConfigNode.Map akka, string connectionString, string log, bool verbose)
    {
        ConfigNode text = new ConfigNode.Text(connectionString);
        var start = ConfigNodes.At("akka.persistence.journal.sql.connection-string", text)
            .Overlay(ConfigNodes.At("akka.persistence.query.journal.sql.connection-string", text))
            .Overlay(ConfigNodes.At("akka.persistence.snapshot-store.sql.connection-string", text))
            .Overlay(ConfigNodes.At("stream-mlops.log", ConfigNode.Of(("file", log), ("stderr", verbose ? "on" : "off"))));
        var own = SettingsFile.Embedded("akka.conf").Root;
        return ConfigurationFactory.ParseString(own.Overlay(ConfigNode.Map.Empty.With("akka", akka)).Overlay(start).ToHocon())
            .WithFallback(SqlPersistence.DefaultConfiguration);
    }
}
