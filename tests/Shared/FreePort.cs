using System.Net;
using System.Net.Sockets;

namespace StreamMLOps.Tests;

/// <summary>Ports of the loopback interface for servers that specs stop and start again.</summary>
internal static class FreePort
{
    /// <summary>
    /// A port that nobody listens on, below those that the system gives to outgoing connections: a client that tries again and
    /// again while its server is stopped would at times be given the server's port, and then talk to itself.
    /// </summary>
    public static int Next()
    {
        while (true)
        {
            var port = Random.Shared.Next(20_000, 32_000);
            using var listener = new TcpListener(IPAddress.Loopback, port);
            try
            {
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Taken: the next one.
            }
        }
    }
}
