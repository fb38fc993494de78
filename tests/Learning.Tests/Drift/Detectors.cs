namespace StreamMLOps.Learning.Tests.Drift;

internal static class Detectors
{
    /// <summary>A detector from settings written as <c>key=value,key=value</c>.</summary>
    public static IDriftDetector Create(string kind, string settings = "")
    {
        var map = ConfigNode.Map.Empty;
        foreach (var pair in settings.Split(',', StringSplitOptions.RemoveEmptyEntries))
            map = map.With(pair.Split('=')[0], pair.Split('=')[1]);
        var faults = new List<ConfigFault>();
        var detector = DriftDetectorRegistry.Create(ConfigNode.Map.Empty.With(kind, map), "pipeline.drift", faults);
        Assert.Empty(faults);
        return detector!;
    }
}
