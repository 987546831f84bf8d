using System.Security.Cryptography.X509Certificates;

namespace Pith.Serving;

/// <summary>What became of a request.</summary>
internal enum Outcome
{
    /// <summary>It was answered.</summary>
    Answered,

    /// <summary>The server refused it, because it has too much to do.</summary>
    Refused,

    /// <summary>Anything else.</summary>
    Failed,
}

/// <summary>A tensor as a server describes it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="DataType">The protocol's name of its type.</param>
/// <param name="Shape">Its sizes; -1 where they vary.</param>
internal sealed record RemoteTensor(string Name, string DataType, long[] Shape);

/// <summary>What a server counted for a model; times in nanoseconds.</summary>
internal sealed record RemoteStatistics(long Inferences, long Executions, long Requests, long QueueNs, long InputNs, long InferNs, long OutputNs)
{
    public RemoteStatistics Since(RemoteStatistics before) =>
        new(Inferences - before.Inferences, Executions - before.Executions, Requests - before.Requests, QueueNs - before.QueueNs, InputNs - before.InputNs, InferNs - before.InferNs, OutputNs - before.OutputNs);
}

/// <summary>How a client reaches a server.</summary>
/// <param name="Address">http:// or https:// with host and port.</param>
/// <param name="Token">A bearer token; null for none.</param>
/// <param name="TrustedCertificate">The only certificate that is trusted, for a server with one of its own; null for those that the system trusts.</param>
internal sealed record ServerAddress(Uri Address, string? Token, X509Certificate2? TrustedCertificate)
{
    /// <summary>A handler of connections for it.</summary>
    public SocketsHttpHandler Handler()
    {
        var handler = new SocketsHttpHandler { UseProxy = false, UseCookies = false, AllowAutoRedirect = false, PooledConnectionIdleTimeout = TimeSpan.FromMinutes(5), EnableMultipleHttp2Connections = true, InitialHttp2StreamWindowSize = 4 << 20 };
        handler.SslOptions.CertificateChainPolicy = TrustPolicy();
        return handler;
    }

    /// <summary>Which certificates are trusted; null for those that the system trusts.</summary>
    public X509ChainPolicy? TrustPolicy() =>
        TrustedCertificate is null ? null : new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { TrustedCertificate }, RevocationMode = X509RevocationMode.NoCheck };
}

/// <summary>A client of one model. Thread-safe.</summary>
internal abstract class LoadClient(string model, string version) : IDisposable
{
    protected string Model { get; } = model;

    protected string Version { get; } = version;

    /// <summary>The model's inputs.</summary>
    /// <exception cref="PithException">The server does not answer, or has no such model.</exception>
    public abstract Task<IReadOnlyList<RemoteTensor>> InputsAsync(CancellationToken cancellation);

    /// <summary>What the server counted so far.</summary>
    /// <exception cref="PithException">The server does not answer.</exception>
    public abstract Task<RemoteStatistics> StatisticsAsync(CancellationToken cancellation);

    /// <summary>Makes a request ready, to be sent any number of times.</summary>
    public abstract void Prepare(IReadOnlyList<RequestTensor> inputs);

    /// <summary>Sends the prepared request and reads the answer.</summary>
    /// <returns>What became of it, and why.</returns>
    public abstract Task<(Outcome Outcome, string Reason)> SendAsync(CancellationToken cancellation);

    /// <summary>Sends the prepared request once.</summary>
    /// <returns>The outputs.</returns>
    /// <exception cref="PithException">There is no answer.</exception>
    public abstract Task<IReadOnlyList<RequestTensor>> InferAsync(CancellationToken cancellation);

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}
