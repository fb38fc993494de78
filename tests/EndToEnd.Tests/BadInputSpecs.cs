using Microsoft.Data.Sqlite;
using StreamMLOps.Tests;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>What a person gets who brings the wrong file, an older program or another configuration: one line, status 2, nothing lost.</summary>
public sealed class BadInputSpecs : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("streammlops-bad-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Rows(long from, long to)
    {
        var path = Path.Combine(_folder, "rows.svm");
        File.WriteAllText(path, SyntheticRows.SvmLight(from, to));
        return path;
    }

    private async Task Learn(string rows)
    {
        var (status, output, error) = await Here.Run(Here.RunUrls(_folder, rows));
        Assert.True(status == 0, output + error);
    }

    private static void IsOneLine(string error, params string[] words)
    {
        Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.DoesNotContain("   at ", error);
        foreach (var word in words) Assert.Contains(word, error);
    }

    [Fact]
    public async Task A_file_shorter_than_the_position_already_learned_is_refused_by_name()
    {
        await Learn(Rows(0, 500));
        var (status, _, error) = await Here.Run(Here.RunUrls(_folder, Rows(0, 100)));
        Assert.Equal(2, status);
        IsOneLine(error, "rows.svm", "500");
    }

    [Fact]
    public async Task Another_file_in_the_place_of_the_learned_one_is_refused()
    {
        await Learn(Rows(0, 500));
        var (status, _, error) = await Here.Run(Here.RunUrls(_folder, Rows(1, 900)));
        Assert.Equal(2, status);
        IsOneLine(error, "rows.svm");
    }

    [Fact]
    public async Task Settings_that_differ_from_the_genesis_are_refused_with_what_to_do()
    {
        var rows = Rows(0, 500);
        await Learn(rows);
        var (status, _, error) = await Here.Run(Here.RunUrls(_folder, rows, "model { algorithm = logistic-regression, optimizer { sgd { rate = 0.5 } } }"));
        Assert.Equal(2, status);
        IsOneLine(error, "model.optimizer", "start a new lineage");
    }

    [Fact]
    public async Task A_new_lineage_learns_the_same_file_from_its_start_beside_the_old_one()
    {
        var rows = Rows(0, 500);
        await Learn(rows);
        var (status, output, error) = await Here.Run(Here.RunUrls(_folder, rows, "lineage = second\nmodel { algorithm = logistic-regression, optimizer { sgd { rate = 0.5 } } }"));
        Assert.True(status == 0, output + error);
        var (_, verified, _) = await Here.Run("verify", "--data-folder", Path.Combine(_folder, "data"));
        Assert.Contains("learner/urls/main/0: ", verified);
        Assert.Contains("learner/urls/second/0: ", verified);
        Assert.Equal(2, verified.Split('\n').Count(l => l.Contains("500 rows learned")));
    }

    [Fact]
    public async Task A_journal_written_by_a_newer_version_is_refused_and_left_alone()
    {
        var rows = Rows(0, 500);
        await Learn(rows);
        var journal = Path.Combine(_folder, "data", "journal.db");
        await using (var sqlite = new SqliteConnection($"Data Source={journal};Pooling=false"))
        {
            await sqlite.OpenAsync();
            await using var newer = sqlite.CreateCommand();
            newer.CommandText = "update journal set message = cast(x'09' || substr(message, 2) as blob) where manifest = 'learned'; delete from snapshot;";
            Assert.True(await newer.ExecuteNonQueryAsync() > 0);
        }
        var (status, output, error) = await Here.Run(Here.RunUrls(_folder, rows));
        Assert.True(status == 2, output + error);
        IsOneLine(error, "newer version");
        var (verified, _, _) = await Here.Run("verify", "--data-folder", Path.Combine(_folder, "data"));
        Assert.Equal(1, verified);
    }

    [Fact]
    public async Task A_changed_byte_in_the_journal_is_found_by_verify()
    {
        await Learn(Rows(0, 2_000));
        var journal = Path.Combine(_folder, "data", "journal.db");
        await using (var sqlite = new SqliteConnection($"Data Source={journal};Pooling=false"))
        {
            await sqlite.OpenAsync();
            await using var damage = sqlite.CreateCommand();
            damage.CommandText = "update journal set message = cast(substr(message, 1, 199) || x'5a' || substr(message, 201) as blob) where manifest = 'learned' and sequence_number = 2";
            Assert.Equal(1, await damage.ExecuteNonQueryAsync());
        }
        var (status, output, _) = await Here.Run("verify", "--data-folder", Path.Combine(_folder, "data"));
        Assert.Equal(1, status);
        Assert.Contains("FAULTY", output);
    }
}
