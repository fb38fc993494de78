using System.Text;
using StreamMLOps.Actors;
using StreamMLOps.Host;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>A journal folded afresh, from its own settings alone.</summary>
internal static class JournalFold
{
    /// <summary>The alerts that all its events give: one message each, in the order of the journal.</summary>
    public static async Task<IReadOnlyList<string>> Alerts(JournalReader journal, string learner)
    {
        JournalAlerts? alerts = null;
        var expected = new List<Alert>();
        await foreach (var (n, e) in journal.Read(learner, 1))
        {
            if (e is Genesis genesis)
            {
                alerts = JournalAlerts.From(new LearnerFold(genesis, Define(genesis)));
                expected.Add(JournalAlerts.Began(genesis));
            }
            else
            {
                expected.AddRange(alerts!.Apply(n, e));
            }
        }
        alerts?.Dispose();
        using var records = AlertMessage.Encode(expected);
        return [.. Enumerable.Range(0, records.Count).Select(i => Encoding.UTF8.GetString(records[i]))];
    }

    /// <summary>What a journal's settings make of it.</summary>
    public static FoldDefinition Define(Genesis genesis)
    {
        var settings = SettingsText.Read(genesis.Settings);
        var (model, featurize) = PipelineSettings.ReadGenesis(settings);
        return new FoldDefinition(model, featurize.Create(), PipelineSettings.ReadLabelHorizon(settings)) { Drift = DriftSettings.ReadGenesis(settings).Watches };
    }
}
