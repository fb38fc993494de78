using System.Buffers;
using System.Runtime.InteropServices;

namespace StreamMLOps.Learning.Tests.Models;

/// <summary>
/// Memory outside the collector's heap lives as long as it is used: a model that nobody holds any more is saved whole though the collector runs meanwhile. Only code
/// compiled for good lets go of an object at its last use, so a child process without tiered compilation does the work.
/// </summary>
public class LifetimeTests
{
    [Fact]
    public async Task A_model_that_nobody_holds_any_more_is_saved_whole_while_the_collector_runs() =>
        Assert.Empty(await ChildProcess.Lines("torn", "DOTNET_TieredCompilation=0"));

    /// <summary>Names of variants whose state, saved so, is not what it should be.</summary>
    public static IEnumerable<string> Torn()
    {
        foreach (var variant in ModelVariants.All)
        {
            var held = variant.LearnerAfter(50);
            var expected = ProbeStream.Bytes(held.Model.Save);
            GC.KeepAlive(held);
            var output = new CollectingBuffer();
            variant.LearnerAfter(50).Model.Save(new StateWriter(output));
            if (!output.Written.SequenceEqual(expected)) yield return variant.Name;
        }
    }

    /// <summary>Collects garbage, finalizers included, whenever room for an array is asked for, and gives what was freed to others.</summary>
    private sealed unsafe class CollectingBuffer : IBufferWriter<byte>
    {
        private readonly ArrayBufferWriter<byte> _buffer = new();

        public ReadOnlySpan<byte> Written => _buffer.WrittenSpan;

        public void Advance(int count) => _buffer.Advance(count);

        public Memory<byte> GetMemory(int sizeHint = 0) => _buffer.GetMemory(sizeHint);

        public Span<byte> GetSpan(int sizeHint = 0)
        {
            if (sizeHint <= 64) return _buffer.GetSpan(sizeHint);
            GC.Collect();
            GC.WaitForPendingFinalizers();
            for (nuint bytes = 256; bytes <= 1 << 20; bytes += bytes / 4)
            {
                var taken = NativeMemory.AlignedAlloc(bytes, 64);
                new Span<byte>(taken, (int)bytes).Fill(0xCD);
                NativeMemory.AlignedFree(taken);
            }
            return _buffer.GetSpan(sizeHint);
        }
    }
}
