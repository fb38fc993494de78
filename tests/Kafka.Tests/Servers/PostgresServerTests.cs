using System.Diagnostics;
using StreamMLOps.Tests;

namespace StreamMLOps.Pipeline.Tests;

/// <summary>The PostgreSQL that specs start, and the proxy that they put before it, do what those specs rest on.</summary>
public sealed class PostgresServerTests(PostgresServer server) : IClassFixture<PostgresServer>
{
    [PostgresFact]
    public void It_synchronizes_what_it_commits_and_listens_on_loopback_only()
    {
        Assert.Equal("on", server.Query("show fsync"));
        Assert.Equal("on", server.Query("show synchronous_commit"));
        Assert.Equal("127.0.0.1", server.Query("show listen_addresses"));
    }

    [PostgresFact]
    public void What_was_committed_is_there_after_a_stop_and_after_a_kill()
    {
        var database = server.CreateDatabase();
        server.Query("create table rows (n int); insert into rows values (1)", database);
        server.Stop();
        Assert.False(server.Runs);
        Assert.Contains("refused", Assert.Throws<InvalidOperationException>(() => server.Query("select 1")).Message);
        server.Start();
        server.Query("insert into rows values (2)", database);
        server.Kill();
        Assert.False(server.Runs);
        Assert.Contains("refused", Assert.Throws<InvalidOperationException>(() => server.Query("select 1")).Message);
        server.Start();
        Assert.Equal("1\n2", server.Query("select n from rows order by n", database));
    }

    [PostgresFact]
    public async Task A_paused_server_answers_nothing_until_it_goes_on()
    {
        using var proxy = new SlowProxy(server.Port);
        server.Pause();
        var answer = Task.Run(() => server.Query("select 7", port: proxy.Port));
        Assert.True(SpinWait.SpinUntil(() => proxy.Requests > 0, TimeSpan.FromSeconds(20)), "the statement never reached the server's door");
        await Assert.ThrowsAsync<TimeoutException>(() => answer.WaitAsync(TimeSpan.FromSeconds(1)));
        server.Resume();
        Assert.Equal("7", await answer.WaitAsync(TimeSpan.FromSeconds(20)));
    }

    [PostgresFact]
    public void A_slow_proxy_delays_every_request()
    {
        using var proxy = new SlowProxy(server.Port) { Delay = TimeSpan.FromMilliseconds(200) };
        var clock = Stopwatch.StartNew();
        Assert.Equal("7", server.Query("select 7", port: proxy.Port));
        // What psql asks before its statement waits as well.
        Assert.InRange(proxy.Requests, 2, 20);
        Assert.True(clock.Elapsed >= 0.98 * proxy.Requests * proxy.Delay, $"{proxy.Requests} requests took {clock.Elapsed}");
    }

    [PostgresFact]
    public async Task A_cut_proxy_breaks_connections_and_refuses_new_ones_until_it_is_restored()
    {
        using var proxy = new SlowProxy(server.Port);
        var open = Task.Run(() => server.Query("select pg_sleep(60)", port: proxy.Port));
        Assert.True(SpinWait.SpinUntil(() => server.Query("select count(*) from pg_stat_activity where query like 'select pg_sleep%'") == "1", TimeSpan.FromSeconds(20)), "the statement never ran");
        proxy.Cut();
        await Assert.ThrowsAsync<InvalidOperationException>(() => open.WaitAsync(TimeSpan.FromSeconds(20)));
        Assert.Contains("refused", Assert.Throws<InvalidOperationException>(() => server.Query("select 1", port: proxy.Port)).Message);
        var port = proxy.Port;
        proxy.Restore();
        Assert.Equal(port, proxy.Port);
        Assert.Equal("1", server.Query("select 1", port: proxy.Port));
    }
}
