using System.Text;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Tests.Alerts;

/// <summary>Each id once in the file, wherever a crash cut the writing.</summary>
public sealed class FileAlertLogSpecs : IDisposable
{
    private static readonly AlertHistory History = new("p", "main", 0, 0xAB);
    private readonly string _folder = Directory.CreateTempSubdirectory("streammlops-alerts-").FullName;

    private string Log => Path.Combine(_folder, "alerts.jsonl");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static Alert Alert(long sequence, int ordinal = 0) =>
        new(AlertFamily.Alert, History.IdOf(sequence, "k", ordinal), "p", "k", AlertState.Noted, "ä text", sequence) { History = History, Sequence = sequence };

    private static Alert Noted(string id) => new(AlertFamily.Alert, id, "p", "k", AlertState.Raised, "x", 1) { Node = "n:1" };

    // As the writer does it: opens, and gives what follows from events after those remembered, an event (2 alerts) at a time.
    private static async Task WriteAll(string path, long events)
    {
        await using var log = new FileAlertLog(path);
        for (var n = await log.Open(History) + 1; n <= events; n++) await log.Write([Alert(n), Alert(n, 1)], n);
    }

    [Fact]
    public async Task Cut_anywhere_and_with_any_position_that_was_ever_remembered_the_file_becomes_the_whole_one()
    {
        await WriteAll(Log, 3);
        var whole = await File.ReadAllBytesAsync(Log);
        Assert.Equal(6, File.ReadLines(Log).Count());
        var cut = Path.Combine(_folder, "cut.jsonl");
        var ends = Enumerable.Range(0, whole.Length).Where(i => whole[i] == '\n').Select(i => i + 1).ToArray();
        // Around each end of a line, and here and there within.
        foreach (var length in Enumerable.Range(0, whole.Length + 1).Where(n => n % 29 == 0 || n == whole.Length || ends.Any(e => Math.Abs(e - n) <= 1)))
        {
            var lines = ends.Count(e => e <= length);
            // Remembered is at most what is whole in the file; 0: the position was lost too.
            for (var remembered = 0; remembered <= lines / 2; remembered++)
            {
                await File.WriteAllBytesAsync(cut, whole[..length]);
                if (remembered == 0) File.Delete(cut + ".position");
                else await File.WriteAllTextAsync(cut + ".position", $$"""{"format":1,"journal":"p/main/0/00000000000000ab","through":{{remembered}}}""");
                await WriteAll(cut, 3);
                Assert.Equal(whole, await File.ReadAllBytesAsync(cut));
            }
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("{\"format\":2,\"journal\":\"p/main/0/00000000000000ab\",\"through\":4}")]
    [InlineData("{\"format\":1,\"journal\":\"p/main/0/00000000000000ff\",\"through\":4}")]
    [InlineData("{\"format\":1,\"journal\":\"p/main/0/00000000000000ab\",\"through\":-4}")]
    public async Task A_position_that_is_damaged_or_of_another_journal_only_takes_longer(string position)
    {
        await WriteAll(Log, 4);
        var whole = await File.ReadAllTextAsync(Log);
        await File.WriteAllTextAsync(Log + ".position", position);
        await WriteAll(Log, 4);
        Assert.Equal(whole, await File.ReadAllTextAsync(Log));
    }

    [Fact]
    public async Task Alerts_of_a_node_are_there_once_too_and_do_not_disturb_those_of_the_journal()
    {
        for (var life = 0; life < 3; life++)
        {
            await using var log = new FileAlertLog(Log);
            await log.Note([Noted("p/fenced/all/7/raised"), Noted($"p/fenced/all/{life + 8}/raised")]);
            var from = await log.Open(History);
            Assert.Equal(life, from);
            await log.Write([Alert(from + 1)], from + 1);
            await log.Note([Noted("p/fenced/all/7/raised")]);
        }
        var ids = File.ReadLines(Log).Select(l => AlertMessage.TryParse(Encoding.UTF8.GetBytes(l), out var a, out var why) ? a.Id : why).ToList();
        Assert.Equal(7, ids.Count);
        Assert.Equal(7, ids.Distinct().Count());
    }

    [Fact]
    public async Task A_file_that_was_moved_away_is_begun_anew_where_it_stood()
    {
        await WriteAll(Log, 3);
        File.Move(Log, Log + ".1");
        await WriteAll(Log, 5);
        Assert.Equal([4, 4, 5, 5], File.ReadLines(Log).Select(l => AlertMessage.TryParse(Encoding.UTF8.GetBytes(l), out var a, out _) ? a.Sequence : 0));
    }
}
