using System.Globalization;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Host.Tests.State;

public sealed class DataFolderTests : IDisposable
{
    private readonly TemporaryFolder _temporary = new();

    private string Folder => _temporary.File("deep/data");

    public void Dispose() => _temporary.Dispose();

    [Fact]
    public void A_folder_is_made_where_it_is_not_there_and_may_be_used_again()
    {
        using (var first = DataFolder.Hold(Folder)) Assert.True(Directory.Exists(first.Commits));
        using var second = DataFolder.Hold(Folder);
        Assert.True(second.IsHeld);
    }

    [Fact]
    public void A_second_user_gets_one_line_with_the_folder_and_the_process()
    {
        using var first = DataFolder.Hold(Folder);
        var message = Assert.Throws<BadInputException>(() => DataFolder.Hold(Folder)).Message;
        Assert.Equal($"data folder {Folder} is in use by process {Environment.ProcessId}; stop it, or name another folder with --data-folder", message);
    }

    [Fact]
    public void What_a_killed_process_left_behind_does_not_block()
    {
        Directory.CreateDirectory(Folder);
        File.WriteAllText(Path.Combine(Folder, "lock"), "");
        File.WriteAllText(Path.Combine(Folder, "lock.pid"), "1");
        using var folder = DataFolder.Hold(Folder);
        Assert.Equal(Environment.ProcessId.ToString(CultureInfo.InvariantCulture), File.ReadAllText(Path.Combine(Folder, "lock.pid")));
    }

    [Fact]
    public void A_folder_of_a_newer_version_is_refused_and_left_alone()
    {
        DataFolder.Hold(Folder).Dispose();
        File.WriteAllText(Path.Combine(Folder, "format"), "2\n");
        var message = Assert.Throws<BadInputException>(() => DataFolder.Hold(Folder)).Message;
        Assert.Equal($"data folder {Folder} was written by a newer version (format 2, this version knows up to 1); use that version, or another folder", message);
        Assert.Equal("2\n", File.ReadAllText(Path.Combine(Folder, "format")));
        Assert.Throws<BadInputException>(() => DataFolder.Read(Folder));
        File.WriteAllText(Path.Combine(Folder, "format"), "1\n");
        DataFolder.Hold(Folder).Dispose();
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_told()
    {
        var file = _temporary.Write("file", "");
        Assert.Contains("cannot be made", Assert.Throws<BadInputException>(() => DataFolder.Hold(file)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Reading_needs_a_journal_and_no_lock()
    {
        Assert.Contains("is not there", Assert.Throws<BadInputException>(() => DataFolder.Read(Folder)).Message, StringComparison.Ordinal);
        using var writer = DataFolder.Hold(Folder);
        Assert.Contains("holds no journal", Assert.Throws<BadInputException>(() => DataFolder.Read(Folder)).Message, StringComparison.Ordinal);
        File.WriteAllText(writer.Journal, "");
        using var reader = DataFolder.Read(Folder);
        Assert.False(reader.IsHeld);
    }

    [Fact]
    public void The_settings_of_a_run_can_be_read_again()
    {
        using var folder = DataFolder.Hold(Folder);
        var settings = HoconDocument.Parse("stream-mlops.pipelines.p { source.kind = generator, lineage = \"a\" }", "f");
        folder.Remember(settings);
        Assert.Equal(settings.Root.ToHocon(), SettingsFile.Read(folder.Settings).Root.ToHocon());
    }
}
