using System.Globalization;
using System.Text;
using StreamMLOps.Tests;

namespace StreamMLOps.Learning.Tests.Drift;

/// <summary>Where River 0.19 signals drift on the same streams: equal to the index.</summary>
public class PublishedDriftIndicesTests
{
    private const string Steps = "adwin_ph_kswin_rng12345", Errors = "ddm_eddm_hddm_rng42";
    private const string One = "river_test_stream1", Two = "river_test_stream2", Three = "river_test_stream3";

    [SharedDataTheory("river_drift_streams/" + Steps + ".csv")]
    [InlineData("adwin", "", Steps, "1023")]
    [InlineData("adwin", "cuts=river", Steps, "1023")]
    [InlineData("adwin", "cuts=river", One, "1055")]
    [InlineData("page-hinkley", "", Steps, "1006")]
    [InlineData("page-hinkley", "direction=up", Three, "588,1681")]
    [InlineData("page-hinkley", "direction=down", Three, "1172")]
    [InlineData("page-hinkley", "direction=both", Three, "588,1097,1585")]
    [InlineData("ddm", "", Errors, "1334", 1084)]
    [InlineData("ddm", "", Two, "1049")]
    [InlineData("eddm", "warning=0.8,drift=0.75", Errors, "1278", 1059)]
    [InlineData("eddm", "warning=0.9,drift=0.8", Two, "1059")]
    [InlineData("hddm-a", "", Errors, "1206", 451)]
    [InlineData("hddm-a", "", Two, "1047")]
    [InlineData("hddm-a", "two-sided=on", Three, "531,1015,1545")]
    [InlineData("hddm-w", "", Errors, "1077", 451)]
    [InlineData("hddm-w", "", Two, "1018")]
    [InlineData("hddm-w", "two-sided=on", Three, "507,1032,1508")]
    public void Drift_is_signalled_where_it_is_published(string kind, string settings, string file, string expected, int? firstWarning = null)
    {
        var drifts = new List<int>();
        var warning = -1;
        var detector = Detectors.Create(kind, settings);
        var values = Encoding.ASCII.GetString(SharedData.Read($"river_drift_streams/{file}.csv"))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => double.Parse(l, CultureInfo.InvariantCulture)).ToArray();
        for (var i = 0; i < values.Length; i++)
        {
            var state = detector.Update(values[i]);
            if (state == DriftState.Drift) drifts.Add(i);
            if (state == DriftState.Warning && warning < 0) warning = i;
        }
        Assert.Equal(expected, string.Join(",", drifts));
        if (firstWarning is { } first) Assert.Equal(first, warning);
    }
}
