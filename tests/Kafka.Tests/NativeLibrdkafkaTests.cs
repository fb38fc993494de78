namespace StreamMLOps.Pipeline.Tests;

public sealed class NativeLibrdkafkaTests
{
    [Fact]
    public void The_bundled_library_is_bound_also_where_the_system_has_another()
    {
        Assert.Equal("2.16.0", NativeLibrdkafka.Version);
        if (OperatingSystem.IsWindows()) return;
        Assert.StartsWith(AppContext.BaseDirectory, NativeLibrdkafka.Path);
    }
}
