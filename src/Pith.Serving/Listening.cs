using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Pith.Serving;

/// <summary>Addresses, protocols, TLS and the limits of connections.</summary>
internal static class Listening
{
    private const int MostConnections = 512;
    private const int MostHeaderBytes = 16 << 10;
    private const int MostHeaders = 64;

    public static void Configure(KestrelServerOptions kestrel, ServerOptions options)
    {
        kestrel.AddServerHeader = false;
        var limits = kestrel.Limits;
        // Bodies are limited where they are read. Here a longer one would end the connection before its sender has read why; so it is read to its end, for some seconds, and thrown away.
        limits.MaxRequestBodySize = null;
        limits.MaxConcurrentConnections = MostConnections;
        limits.MaxRequestHeadersTotalSize = MostHeaderBytes;
        limits.MaxRequestHeaderCount = MostHeaders;
        limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        limits.KeepAliveTimeout = TimeSpan.FromMinutes(2);
        // Who sends or reads more slowly holds memory of the server for nothing.
        limits.MinRequestBodyDataRate = new MinDataRate(1024, TimeSpan.FromSeconds(5));
        limits.MinResponseDataRate = new MinDataRate(1024, TimeSpan.FromSeconds(5));
        // Large enough that an image's tensor does not wait for a window update.
        limits.Http2.InitialStreamWindowSize = 1 << 20;
        limits.Http2.InitialConnectionWindowSize = 4 << 20;
        // As large as a buffer of a connection; fewer frames, for clients that make use of it.
        limits.Http2.MaxFrameSize = 64 << 10;
        var certificate = options.CertificatePath is null ? null : Certificate(options);
        foreach (var (port, protocols) in Ports(options, certificate is not null))
            Listen(kestrel, options.Host, port, listen =>
            {
                listen.Protocols = protocols;
                if (certificate is not null) listen.UseHttps(certificate);
            });
    }

    // HTTP first, then gRPC, then metrics: the order in which addresses are read back.
    private static IEnumerable<(int Port, HttpProtocols Protocols)> Ports(ServerOptions options, bool hasTls)
    {
        // Without TLS nothing tells HTTP/1.1 and HTTP/2 apart on one port.
        if (options.HttpPort is { } http) yield return (http, hasTls ? HttpProtocols.Http1AndHttp2 : HttpProtocols.Http1);
        if (options.GrpcPort is { } grpc) yield return (grpc, HttpProtocols.Http2);
        if (options.MetricsPort is { } metrics) yield return (metrics, HttpProtocols.Http1);
    }

    private static void Listen(KestrelServerOptions kestrel, string host, int port, Action<ListenOptions> configure)
    {
        if (IPAddress.TryParse(host, out var address)) kestrel.Listen(address, port, configure);
        else if (host is "localhost") kestrel.Listen(IPAddress.Loopback, port, configure);
        else if (host is "*" or "+") kestrel.ListenAnyIP(port, configure);
        else throw new PithException($"The host must be an IP address of this machine, localhost, or * for all, got '{host}'.");
    }

    private static X509Certificate2 Certificate(ServerOptions options)
    {
        var path = options.CertificatePath!;
        try
        {
            if (X509Certificate2.GetCertContentType(path) == X509ContentType.Pfx) return X509CertificateLoader.LoadPkcs12FromFile(path, options.CertificatePassword);
            using var pem = options.CertificatePassword is { } password
                ? X509Certificate2.CreateFromEncryptedPemFile(path, password, options.CertificateKeyPath)
                : X509Certificate2.CreateFromPemFile(path, options.CertificateKeyPath);
            // Some systems serve TLS only with a key from such a container.
            return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pfx), null);
        }
        catch (Exception failure) when (failure is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new PithException($"Cannot use the certificate '{path}': {failure.Message} Expected PEM with its private key (in the same file or by --certificate-key), or PKCS#12 with its password.", failure);
        }
    }
}
