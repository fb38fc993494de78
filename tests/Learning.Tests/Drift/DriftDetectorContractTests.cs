using System.Buffers;

namespace StreamMLOps.Learning.Tests.Drift;

/// <summary>What every detector of <see cref="DriftDetectorRegistry"/> promises.</summary>
public class DriftDetectorContractTests
{
    public static TheoryData<string> Kinds => [.. DriftDetectorRegistry.Kinds.Select(k => k.Name)];

    [Theory, MemberData(nameof(Kinds))]
    public void An_abrupt_rise_is_found_within_a_thousand_values(string kind)
    {
        var detector = Detectors.Create(kind);
        for (var i = 0; i < 2000; i++) detector.Update(Errors(i, 0.1));
        var found = Enumerable.Range(0, 1000).FirstOrDefault(i => detector.Update(Errors(i, 0.8)) == DriftState.Drift, -1);
        Assert.True(found >= 0, "no drift was signalled");
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Constant_values_are_no_drift(string kind)
    {
        foreach (var value in new[] { 0.0, 1.0 })
        {
            var detector = Detectors.Create(kind);
            for (var i = 0; i < 5000; i++) Assert.NotEqual(DriftState.Drift, detector.Update(value));
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Saved_at_any_point_it_goes_on_as_if_it_had_not_been(string kind)
    {
        var whole = Detectors.Create(kind);
        var other = Detectors.Create(kind);
        for (var i = 0; i < 3000; i++)
        {
            var value = Errors(i, i / 700 % 2 == 0 ? 0.1 : 0.6);
            Assert.Equal(whole.Update(value), other.Update(value));
            if (i % 37 != 0) continue;
            var bytes = Save(other);
            other = Detectors.Create(kind);
            other.Load(new StateReader(bytes));
            Assert.Equal(Save(whole), Save(other));
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_value_that_is_not_finite_is_refused_and_the_state_unchanged(string kind)
    {
        var detector = Trained(kind);
        var before = Save(detector);
        foreach (var value in new[] { double.NaN, double.PositiveInfinity, double.NegativeInfinity })
            Assert.Throws<ArgumentOutOfRangeException>(() => detector.Update(value));
        if (DriftDetectorRegistry.Kinds.First(k => k.Name == kind).OfErrors)
            Assert.Throws<ArgumentOutOfRangeException>(() => detector.Update(1.5));
        Assert.Equal(before, Save(detector));
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Cut_bytes_are_refused(string kind)
    {
        var bytes = Save(Trained(kind));
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<StateFormatException>(() => Detectors.Create(kind).Load(new StateReader(bytes.AsMemory(0, length))));
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Nothing_is_allocated_for_a_value(string kind)
    {
        var detector = Trained(kind);
        var values = Enumerable.Range(0, 2000).Select(i => Errors(i, 0.3)).ToArray();
        foreach (var value in values) detector.Update(value);
        var before = GC.GetAllocatedBytesForCurrentThread();
        foreach (var value in values) detector.Update(value);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void The_golden_state_loads_and_is_what_the_same_values_make_today(string kind)
    {
        var today = Save(Trained(kind));
        var kept = GoldenBytes.Read($"drift-{kind}-1.bin", today);
        var detector = Detectors.Create(kind);
        detector.Load(new StateReader(kept));
        Assert.Equal(kept, Save(detector));
        Assert.Equal(kept, today);
    }

    private static IDriftDetector Trained(string kind)
    {
        var detector = Detectors.Create(kind);
        for (var i = 0; i < 777; i++) detector.Update(Errors(i, i < 500 ? 0.2 : 0.4));
        return detector;
    }

    // Zeros and ones, a given share of ones, without a random library in between.
    private static double Errors(int i, double rate)
    {
        var x = (ulong)(i + 1) * 0x9E3779B97F4A7C15UL;
        x = (x ^ (x >> 29)) * 0xBF58476D1CE4E5B9UL;
        return ((x ^ (x >> 32)) >> 11) * (1.0 / (1L << 53)) < rate ? 1 : 0;
    }

    private static byte[] Save(IDriftDetector detector)
    {
        var buffer = new ArrayBufferWriter<byte>();
        detector.Save(new StateWriter(buffer));
        return buffer.WrittenSpan.ToArray();
    }
}
