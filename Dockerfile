# The streammlops program. docker-compose.yml runs three of it; CI cannot build images (see there).
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source
COPY global.json Directory.Build.props Directory.Packages.props LICENSE README.md ./
COPY hocon hocon
COPY src src
RUN dotnet publish src/Host -c Release -o /program

FROM mcr.microsoft.com/dotnet/runtime:10.0
COPY --from=build /program /program
# Logs only: the cluster's state is in PostgreSQL and Kafka.
RUN mkdir /data && chown app /data
USER app
WORKDIR /data
ENTRYPOINT ["dotnet", "/program/streammlops.dll"]
CMD ["node", "--config", "/config/cluster.conf"]
